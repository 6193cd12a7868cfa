// Convolution of few channels: channels-last, the kw · c inputs of a kernel row lie side by side,
// so that they are one run of the matrix product. Padding is copied into the scratch first; so is
// an input with a plane per channel, whose pixels are put together on the way.
#include <cstring>

#include "ops/conv/kernels/factories.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/row_merged.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// `pixels` pixels of `channels` planes, which are `plane` floats apart.
void gather_pixels(const float* x, int64_t plane, int64_t channels, int64_t pixels, float* to) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (channels == 3) {
    for (; i + lanes <= pixels; i += lanes) {
      hn::StoreInterleaved3(hn::LoadU(d, x + i), hn::LoadU(d, x + plane + i),
                            hn::LoadU(d, x + 2 * plane + i), d, to + 3 * i);
    }
  }
#endif
  for (; i < pixels; ++i) {
    for (int64_t c = 0; c < channels; ++c) to[i * channels + c] = x[c * plane + i];
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t kMostChannels = 32;
constexpr int64_t kMostPlanes = 4;

class RowMerged final : public ConvKernel {
 public:
  RowMerged(const ConvShape& shape, Isa isa)
      : shape_(shape),
        isa_(isa),
        run_(shape.kw * shape.c),
        height_((shape.oh - 1) * shape.stride_h + (shape.kh - 1) * shape.dilation_h + 1),
        width_((shape.ow - 1) * shape.stride_w + shape.kw),
        copies_(shape.pad_top != 0 || shape.pad_left != 0 || height_ > shape.h ||
                width_ > shape.w || shape.x_pixel_stride != shape.c || shape.x_planar) {
    if (!copies_) {
      height_ = shape.h;
      width_ = shape.w;
    }
  }

  std::string_view name() const override { return "row_merged"; }
  int64_t packed_bytes() const override {
    return cpu::packed_bytes(shape_.kh * run_, shape_.m, isa_);
  }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    const int64_t taps = shape_.kh * shape_.kw;
    for (int64_t tap = 0; tap < taps; ++tap) {
      pack_rows(weights + tap, taps, shape_.c * taps, shape_.c, shape_.m, tap * shape_.c,
                taps * shape_.c, isa_, packed, pool);
    }
  }

  int64_t scratch_bytes(int threads) const override {
    return copy_bytes(shape_.n * height_) +
           gemm_indirect_scratch_bytes(shape_.pixels(), shape_.kh, run_, shape_.m, threads, isa_);
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    const int64_t lines = shape_.n * height_;
    if (copies_) {
      auto* copy = static_cast<float*>(scratch);
      const auto body = [&](int64_t begin, int64_t end, int) {
        copy_padded(x, shape_.n * shape_.h, begin, end, copy + begin * width_ * shape_.c);
      };
      if (pool == nullptr) {
        body(0, lines, 0);
      } else {
        pool->parallel_for(lines, 1 + 16384 / (width_ * shape_.c), body);
      }
      x = copy;
    }
    multiply(x, {0, lines}, packed, y, epilogue, static_cast<char*>(scratch) + copy_bytes(lines),
             pool, {0, shape_.n * shape_.oh});
  }

  bool has_lines() const override { return isa_ < Isa::amx; }

  int64_t lines_scratch_bytes(int64_t lines) const override {
    return copy_bytes(lines_under(lines)) +
           gemm_indirect_scratch_bytes(lines * shape_.ow, shape_.kh, run_, shape_.m, 1, isa_);
  }

  void run_lines(const float* x, int64_t ring, const float* packed, float* y,
                 const Epilogue& epilogue, void* scratch, Lines lines) const override {
    if (lines.count() == 0) return;
    Image image{0, ring};
    const int64_t first =
        lines.begin / shape_.oh * height_ + lines.begin % shape_.oh * shape_.stride_h;
    const int64_t under = lines_under(lines.count());
    if (copies_) {
      auto* copy = static_cast<float*>(scratch);
      copy_padded(x, ring, first, first + under, copy);
      x = copy;
      image = {first, under};
    }
    with_rows_from(lines.begin * shape_.ow, epilogue, [&](const Epilogue& part) {
      multiply(x, image, packed, y, part, static_cast<char*>(scratch) + copy_bytes(under), nullptr,
               lines);
    });
  }

  double estimate_seconds(int threads) const override {
    const double product = product_seconds(shape_.pixels(), shape_.m, shape_.kh, run_, isa_);
    return (product + 2 * static_cast<double>(copy_bytes(shape_.n * height_)) / rates(isa_).bytes) /
           threads;
  }

 private:
  int64_t copy_bytes(int64_t lines) const {
    return copies_ ? align_up(lines * width_ * shape_.c * 4, 64) : 0;
  }

  /// Lines of the image the product reads that so many output lines depend on.
  int64_t lines_under(int64_t lines) const {
    return (lines - 1) * shape_.stride_h + (shape_.kh - 1) * shape_.dilation_h + 1;
  }

  /// Where the image that the product reads lies: line i is line (i - first) % ring of it.
  struct Image {
    int64_t first, ring;
  };

  /// The product for the output lines, where y begins.
  void multiply(const float* x, Image in, const float* packed, float* y, const Epilogue& epilogue,
                void* scratch, ThreadPool* pool, Lines lines) const {
    const PackedMatrix b{packed, shape_.kh * run_, shape_.m, isa_};
    const int64_t first = lines.begin * shape_.ow;
    auto fill = [&](int64_t begin, int64_t count, const float** list) {
      for_each_row_run(shape_, first + begin, count,
                       [&](int64_t row, int64_t run, int64_t image, int64_t oy, int64_t ox) {
                         for (int64_t ky = 0; ky < shape_.kh; ++ky) {
                           const int64_t iy = oy * shape_.stride_h + ky * shape_.dilation_h;
                           const int64_t line = (image * height_ + iy - in.first) % in.ring;
                           const float* from =
                               x + (line * width_ + ox * shape_.stride_w) * shape_.c;
                           const float** to = list + ky * count + row;
                           const int64_t step = shape_.stride_w * shape_.c;
                           for (int64_t i = 0; i < run; ++i) to[i] = from + i * step;
                         }
                       });
    };
    gemm_indirect(lines.count() * shape_.ow, {shape_.kh, run_, fill}, b, y, shape_.y_pixel_stride,
                  epilogue, scratch, pool);
  }

  /// Puts lines [begin, end) of the image the product reads, counted through all images, at `copy`;
  /// x as run_lines() has it.
  void copy_padded(const float* x, int64_t ring, int64_t begin, int64_t end, float* copy) const {
    const int64_t c = shape_.c;
    const int64_t left = std::min(shape_.pad_left, width_);
    const int64_t inside = std::clamp<int64_t>(shape_.w, 0, width_ - left);
    const auto gather = DRAWBAR_SIMD_FOR(isa_, gather_pixels);
    for (int64_t line = begin; line < end; ++line) {
      float* to = copy + (line - begin) * width_ * c;
      const int64_t iy = line % height_ - shape_.pad_top;
      if (iy < 0 || iy >= shape_.h) {
        std::fill_n(to, width_ * c, 0.0f);
        continue;
      }
      const int64_t image = line / height_;
      const float* from = x + (image * shape_.h + iy) % ring * shape_.w * shape_.x_pixel_stride;
      std::fill_n(to, left * c, 0.0f);
      to += left * c;
      if (shape_.x_planar) {
        const int64_t plane = shape_.h * shape_.w;
        gather(x + image * c * plane + iy * shape_.w, plane, c, inside, to);
      } else if (shape_.x_pixel_stride == c) {
        std::memcpy(to, from, static_cast<size_t>(inside * c) * 4);
      } else {
        for (int64_t i = 0; i < inside; ++i) {
          std::copy_n(from + i * shape_.x_pixel_stride, c, to + i * c);
        }
      }
      std::fill_n(to + inside * c, (width_ - left - inside) * c, 0.0f);
    }
  }

  ConvShape shape_;
  Isa isa_;
  int64_t run_;
  int64_t height_;  // of the image the product reads: what the kernel touches, or x as it is
  int64_t width_;
  bool copies_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_row_merged(const ConvShape& shape, Isa isa) {
  if (shape.groups != 1 || shape.dilation_w != 1 || shape.kw == 1 || shape.c > kMostChannels) {
    return nullptr;
  }
  // Planes cost nothing where the input is copied anyway, and the other kernels are worse.
  const bool strided_stem = shape.c <= kMostPlanes && shape.stride_w > 1 && shape.pad_left > 0;
  if (shape.x_planar && !strided_stem) return nullptr;
  return std::make_unique<RowMerged>(shape, isa);
}

}  // namespace drawbar::cpu
#endif
