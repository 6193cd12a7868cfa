// Direct convolution of any kernel, stride and dilation: a matrix product whose rows of A are given
// by a pointer per tap and output pixel, padding pointing at zeros. Source: Dukhan, "The Indirect
// Convolution Algorithm" (2019); here the pointers are written block by block, not kept.
#include "ops/conv/kernels/factories.h"

namespace drawbar::cpu {
namespace {

/// ceil(a / b) for b > 0 and any a.
int64_t ceil_divide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

class Igemm final : public ConvKernel {
 public:
  Igemm(const ConvShape& shape, Isa isa)
      : shape_(shape),
        isa_(isa),
        taps_(shape.kh * shape.kw),
        matrix_floats_(align_up(cpu::packed_bytes(taps_ * shape.c, shape.m, isa), 64) / 4) {}

  std::string_view name() const override { return "igemm"; }

  /// The matrix, and zeros for the padding to point at.
  int64_t packed_bytes() const override { return (matrix_floats_ + shape_.c) * 4; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    for (int64_t tap = 0; tap < taps_; ++tap) {
      pack_rows(weights + tap, taps_, shape_.c * taps_, shape_.c, shape_.m, tap * shape_.c,
                taps_ * shape_.c, isa_, packed, pool);
    }
    std::fill_n(packed + matrix_floats_, shape_.c, 0.0f);
  }

  int64_t scratch_bytes(int threads) const override {
    return gemm_indirect_scratch_bytes(shape_.pixels(), taps_, shape_.c, shape_.m, threads, isa_);
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    const PackedMatrix b{packed, taps_ * shape_.c, shape_.m, isa_};
    const float* zeros = packed + matrix_floats_;
    auto fill = [&](int64_t begin, int64_t count, const float** list) {
      for_each_row_run(shape_, begin, count,
                       [&](int64_t row, int64_t run, int64_t image, int64_t oy, int64_t ox) {
                         for (int64_t ky = 0; ky < shape_.kh; ++ky) {
                           fill_kernel_row(x, zeros, image, oy, ox, run, ky, count,
                                           list + ky * shape_.kw * count + row);
                         }
                       });
    };
    gemm_indirect(shape_.pixels(), {taps_, shape_.c, fill}, b, y, shape_.y_pixel_stride, epilogue,
                  scratch, pool);
  }

  double estimate_seconds(int threads) const override {
    return product_seconds(shape_.pixels(), shape_.m, taps_, shape_.c, isa_) / threads;
  }

 private:
  /// The pointers of `run` pixels from (oy, ox) for the taps of kernel row ky, `stride` apart.
  void fill_kernel_row(const float* x, const float* zeros, int64_t image, int64_t oy, int64_t ox,
                       int64_t run, int64_t ky, int64_t stride, const float** list) const {
    const int64_t iy = oy * shape_.stride_h - shape_.pad_top + ky * shape_.dilation_h;
    if (iy < 0 || iy >= shape_.h) {
      for (int64_t kx = 0; kx < shape_.kw; ++kx) std::fill_n(list + kx * stride, run, zeros);
      return;
    }
    const float* line = x + (image * shape_.h + iy) * shape_.w * shape_.x_pixel_stride;
    const int64_t step = shape_.stride_w * shape_.x_pixel_stride;
    for (int64_t kx = 0; kx < shape_.kw; ++kx, list += stride) {
      // Pixel i reads column `first` + i · stride_w: valid for i in [low, high).
      const int64_t first = ox * shape_.stride_w - shape_.pad_left + kx * shape_.dilation_w;
      const int64_t low = std::clamp<int64_t>(ceil_divide(-first, shape_.stride_w), 0, run);
      const int64_t high =
          std::clamp<int64_t>(ceil_divide(shape_.w - first, shape_.stride_w), low, run);
      std::fill_n(list, low, zeros);
      const float* pixel = line + (first + low * shape_.stride_w) * shape_.x_pixel_stride;
      for (int64_t i = low; i < high; ++i, pixel += step) list[i] = pixel;
      std::fill_n(list + high, run - high, zeros);
    }
  }

  ConvShape shape_;
  Isa isa_;
  int64_t taps_;
  int64_t matrix_floats_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_igemm(const ConvShape& shape, Isa isa) {
  if (shape.groups != 1) return nullptr;
  return std::make_unique<Igemm>(shape, isa);
}

}  // namespace drawbar::cpu
