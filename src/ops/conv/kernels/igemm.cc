// Direct convolution of any kernel, stride and dilation: a matrix product whose rows of A are given
// by a pointer per tap and output pixel, padding pointing at zeros. Source: Dukhan, "The Indirect
// Convolution Algorithm" (2019); here the pointers are written block by block, not kept.
#include "ops/conv/kernels/taps.h"

namespace drawbar::cpu {
namespace {

class Igemm final : public ConvKernel {
 public:
  Igemm(const ConvShape& shape, Isa isa)
      : shape_(shape),
        isa_(isa),
        taps_(shape.kh * shape.kw),
        tiles_(tiles_pay(shape.pixels(), shape.m, taps_, shape.c, isa, shape.weights)),
        matrix_floats_(
            align_up(cpu::packed_bytes(taps_ * shape.c, shape.m, isa, ElementType::f32, tiles_),
                     64) /
            4) {}

  std::string_view name() const override { return "igemm"; }

  /// The matrix, and zeros for the padding to point at.
  int64_t packed_bytes() const override { return (matrix_floats_ + shape_.c) * 4; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    for (int64_t tap = 0; tap < taps_; ++tap) {
      pack_rows(weights + tap, taps_, shape_.c * taps_, shape_.c, shape_.m, tap * shape_.c,
                taps_ * shape_.c, isa_, packed, pool, tiles_);
    }
    std::fill_n(packed + matrix_floats_, shape_.c, 0.0f);
  }

  int64_t half_floats() const override { return matrix_floats_; }
  bool on_tiles() const override { return tiles_; }

  int64_t scratch_bytes(int threads) const override {
    return gemm_indirect_scratch_bytes(shape_.pixels(), taps_, shape_.c, shape_.m, threads, isa_,
                                       shape_.weights);
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    PackedMatrix b{packed, taps_ * shape_.c, shape_.m, isa_};
    b.element = shape_.weights;
    b.tiles = tiles_;
    const float* zeros = packed + matrix_floats_ * bits(shape_.weights) / 32;
    auto fill = [&](int64_t begin, int64_t count, const float** list) {
      fill_taps(shape_, x, zeros, begin, count, list);
    };
    gemm_indirect(shape_.pixels(), {taps_, shape_.c, fill}, b, y, shape_.y_pixel_stride, epilogue,
                  scratch, pool);
  }

  double estimate_seconds(int threads) const override {
    return product_seconds(shape_.pixels(), shape_.m, taps_, shape_.c, isa_, shape_.weights) /
           threads;
  }

 private:
  ConvShape shape_;
  Isa isa_;
  int64_t taps_;
  bool tiles_;
  int64_t matrix_floats_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_igemm(const ConvShape& shape, Isa isa) {
  if (shape.groups != 1) return nullptr;
  return std::make_unique<Igemm>(shape, isa);
}

}  // namespace drawbar::cpu
