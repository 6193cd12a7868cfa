#include "ops/integer_conv/cpu_image.h"

#include "ops/conv/kernels/taps.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kFewChannels = 16;
constexpr double kMostPadding = 4;   // times the image is worth copying with its padding
constexpr int64_t kSpareRows = 16;   // that a tile may read behind the last one
constexpr int64_t kSpareBytes = 64;  // and a step of k

/// Pixels beyond the last one that taps read along one axis.
int64_t beyond(int64_t out, int64_t stride, int64_t taps, int64_t dilation, int64_t pad,
               int64_t size) {
  return std::max<int64_t>((out - 1) * stride + (taps - 1) * dilation - pad - (size - 1), 0);
}
int64_t below(const ConvShape& s) {
  return beyond(s.oh, s.stride_h, s.kh, s.dilation_h, s.pad_top, s.h);
}
int64_t right(const ConvShape& s) {
  return beyond(s.ow, s.stride_w, s.kw, s.dilation_w, s.pad_left, s.w);
}

/// Height and width of the part of a padded image that the taps see.
int64_t padded_height(const ConvShape& s) {
  return (s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
}
int64_t padded_width(const ConvShape& s) { return (s.ow - 1) * s.stride_w + s.kw; }

/// The same where lines share their padding.
int64_t shared_height(const ConvShape& s) { return s.h + std::max(s.pad_top, below(s)); }
int64_t shared_width(const ConvShape& s) { return s.w + std::max(s.pad_left, right(s)); }

bool is_small(const ConvShape& s, int64_t height, int64_t width) {
  const auto area = [](int64_t h, int64_t w) {
    return static_cast<double>(h) * static_cast<double>(w);
  };
  return area(height, width) <= kMostPadding * area(s.h + 16, s.w + 16);
}

bool merges_rows(const ConvShape& s) {
  return s.groups == 1 && s.c < kFewChannels && s.kw > 1 && s.dilation_w == 1 &&
         is_small(s, padded_height(s), padded_width(s));
}

}  // namespace

ByteImage::ByteImage(const ConvShape& shape, int64_t merged_multiple)
    : shape_(shape),
      merged_multiple_(merged_multiple),
      unpadded_(shape.pad_top == 0 && shape.pad_left == 0 && below(shape) == 0 &&
                right(shape) == 0) {
  if (!merges_rows(shape)) return;
  copy_ = Copy::merged;
  lines_ = padded_height(shape);
  pitch_ = padded_width(shape);
}

bool ByteImage::can_share(const ConvShape& s) {
  return s.groups == 1 && s.kh * s.kw > 1 && s.stride_h == 1 && s.stride_w == 1 &&
         s.oh <= shared_height(s) && s.ow <= shared_width(s) &&
         is_small(s, shared_height(s), shared_width(s));
}

void ByteImage::share() {
  copy_ = Copy::shared;
  lines_ = shared_height(shape_);
  pitch_ = shared_width(shape_);
  gaps_ = {pitch_, shape_.ow, lines_, shape_.oh};
}

int64_t ByteImage::tap_bytes() const {
  if (copy_ != Copy::merged) return shape_.c / shape_.groups;
  return align_up(shape_.kw * shape_.c, merged_multiple_);
}

int64_t ByteImage::rows() const {
  if (copy_ != Copy::shared) return shape_.pixels();
  return ((shape_.n - 1) * lines_ + shape_.oh - 1) * pitch_ + shape_.ow;
}

int64_t ByteImage::image_bytes() const {
  if (copy_ == Copy::none) return shape_.c;
  if (copy_ == Copy::merged) return shape_.n * lines_ * line_bytes() + merged_multiple_ - 1;
  const int64_t last_tap =
      (shape_.kh - 1) * shape_.dilation_h * pitch_ + (shape_.kw - 1) * shape_.dilation_w;
  return (rows() + last_tap + kSpareRows) * shape_.c + kSpareBytes;
}

int64_t ByteImage::bytes() const { return align_up(image_bytes(), 64); }

void ByteImage::copy_line(const std::byte* x, std::byte zero, int64_t line,
                          std::byte* image) const {
  const int64_t c = shape_.c, y = line % lines_ - shape_.pad_top, image_index = line / lines_;
  std::byte* to = image + line * line_bytes();
  const int64_t room = std::min(line_bytes(), image_bytes() - line * line_bytes());
  if (y < 0 || y >= shape_.h || image_index >= shape_.n) {
    std::fill_n(to, room, zero);
    return;
  }
  const int64_t left = std::min(shape_.pad_left, pitch_),
                width = std::clamp<int64_t>(pitch_ - left, 0, shape_.w);
  const std::byte* from = x + (image_index * shape_.h + y) * shape_.w * shape_.x_pixel_stride;
  std::fill_n(to, left * c, zero);
  if (shape_.x_pixel_stride == c) {
    std::copy_n(from, width * c, to + left * c);
  } else {
    for (int64_t i = 0; i < width; ++i)
      std::copy_n(from + i * shape_.x_pixel_stride, c, to + (left + i) * c);
  }
  std::fill_n(to + (left + width) * c, room - (left + width) * c, zero);
}

void ByteImage::prepare(const std::byte* x, std::byte zero, std::byte* memory,
                        ThreadPool& pool) const {
  if (copy_ == Copy::none) {
    std::fill_n(memory, shape_.c, zero);
    return;
  }
  const int64_t lines = (image_bytes() + line_bytes() - 1) / line_bytes();
  pool.parallel_for(lines, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t line = begin; line < end; ++line) copy_line(x, zero, line, memory);
  });
}

const std::byte* ByteImage::begin(const std::byte* x, const std::byte* memory) const {
  return copy_ == Copy::none ? x : memory;
}

int64_t ByteImage::readable_bytes() const {
  if (copy_ != Copy::none) return image_bytes();
  return (shape_.n * shape_.h * shape_.w - 1) * shape_.x_pixel_stride + tap_bytes();
}

ByteLines ByteImage::lines(const std::byte* x, const std::byte* memory,
                           const std::byte** runs) const {
  const ConvShape& s = shape_;
  const bool copied = copy_ != Copy::none;
  const int64_t pixel = copied ? s.c : s.x_pixel_stride,
                line = copied ? line_bytes() : s.w * s.x_pixel_stride,
                kw = copy_ == Copy::merged ? 1 : s.kw;
  for (int64_t t = 0; t < taps(); ++t)
    runs[t] = begin(x, memory) + t / kw * s.dilation_h * line + t % kw * s.dilation_w * pixel;
  const bool whole = !copied && s.kh * s.kw == 1 && s.stride_h == 1 && s.stride_w == 1;
  if (copy_ == Copy::shared || whole) return {runs, pixel, rows(), 0, 1, 0};
  return {runs, s.stride_w * pixel, s.ow, s.stride_h * line, s.oh, (copied ? lines_ : s.h) * line};
}

void ByteImage::fill(const std::byte* x, const std::byte* memory, int64_t row, int64_t rows,
                     const std::byte** list) const {
  if (copy_ == Copy::none) return fill_taps(shape_, x, memory, row, rows, list);
  if (copy_ == Copy::shared) {
    for (int64_t t = 0; t < taps(); ++t) {
      const std::byte* from = memory + (t / shape_.kw * shape_.dilation_h * pitch_ +
                                        t % shape_.kw * shape_.dilation_w + row) *
                                           shape_.c;
      for (int64_t r = 0; r < rows; ++r) list[t * rows + r] = from + r * shape_.c;
    }
    return;
  }
  for_each_row_run(shape_, row, rows,
                   [&](int64_t first, int64_t run, int64_t n, int64_t oy, int64_t ox) {
                     for (int64_t ky = 0; ky < shape_.kh; ++ky) {
                       const int64_t y = oy * shape_.stride_h + ky * shape_.dilation_h;
                       const std::byte* from = memory + (n * lines_ + y) * line_bytes();
                       for (int64_t i = 0; i < run; ++i)
                         list[ky * rows + first + i] = from + (ox + i) * shape_.stride_w * shape_.c;
                     }
                   });
}

}  // namespace drawbar::cpu
