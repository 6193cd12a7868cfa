// 1 × 1 convolution: a matrix product over the pixels; with strides, over pointers to the pixels.
#include "ops/conv/kernels/factories.h"

namespace drawbar::cpu {
namespace {

class Pointwise final : public ConvKernel {
 public:
  Pointwise(const ConvShape& shape, Isa isa)
      : shape_(shape),
        isa_(isa),
        dense_(shape.stride_h == 1 && shape.stride_w == 1 && shape.oh == shape.h &&
               shape.ow == shape.w),
        tiles_(tiles_pay(shape.pixels(), shape.m, 1, shape.c, isa, shape.weights)) {}

  std::string_view name() const override { return "pointwise"; }
  int64_t packed_bytes() const override {
    return cpu::packed_bytes(shape_.c, shape_.m, isa_, ElementType::f32, tiles_);
  }
  bool on_tiles() const override { return tiles_; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    cpu::pack(weights, shape_.c, true, shape_.c, shape_.m, isa_, packed, pool, tiles_);
  }
  int64_t half_floats() const override { return packed_bytes() / 4; }

  int64_t scratch_bytes(int threads) const override {
    if (dense_) return 0;
    return gemm_indirect_scratch_bytes(shape_.pixels(), 1, shape_.c, shape_.m, threads, isa_,
                                       shape_.weights);
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    const PackedMatrix b = matrix(packed);
    if (dense_) {
      gemm(shape_.pixels(), x, shape_.x_pixel_stride, b, y, shape_.y_pixel_stride, epilogue, pool);
      return;
    }
    auto fill = [&](int64_t begin, int64_t count, const float** list) {
      for_each_row_run(
          shape_, begin, count,
          [&](int64_t row, int64_t run, int64_t image, int64_t oy, int64_t ox) {
            const float* pixel =
                x + ((image * shape_.h + oy * shape_.stride_h) * shape_.w + ox * shape_.stride_w) *
                        shape_.x_pixel_stride;
            const int64_t step = shape_.stride_w * shape_.x_pixel_stride;
            for (int64_t i = 0; i < run; ++i) list[row + i] = pixel + i * step;
          });
    };
    gemm_indirect(shape_.pixels(), {1, shape_.c, fill}, b, y, shape_.y_pixel_stride, epilogue,
                  scratch, pool);
  }

  bool has_lines() const override { return dense_ && isa_ < Isa::amx; }

  void run_lines(const float* x, int64_t ring, const float* packed, float* y,
                 const Epilogue& epilogue, void*, Lines lines) const override {
    const PackedMatrix b = matrix(packed);
    for_each_stretch(lines, ring, [&](int64_t line, int64_t count) {
      const float* from = x + line % ring * shape_.w * shape_.x_pixel_stride;
      float* to = y + (line - lines.begin) * shape_.ow * shape_.y_pixel_stride;
      with_rows_from(line * shape_.ow, epilogue, [&](const Epilogue& part) {
        gemm(count * shape_.ow, from, shape_.x_pixel_stride, b, to, shape_.y_pixel_stride, part,
             nullptr);
      });
    });
  }

  double estimate_seconds(int threads) const override {
    return product_seconds(shape_.pixels(), shape_.m, 1, shape_.c, isa_, shape_.weights) / threads;
  }

 private:
  PackedMatrix matrix(const float* packed) const {
    PackedMatrix b{packed, shape_.c, shape_.m, isa_};
    b.element = shape_.weights;
    b.tiles = tiles_;
    return b;
  }

  ConvShape shape_;
  Isa isa_;
  bool dense_;
  bool tiles_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_pointwise(const ConvShape& shape, Isa isa) {
  const bool inside =
      (shape.oh - 1) * shape.stride_h < shape.h && (shape.ow - 1) * shape.stride_w < shape.w;
  if (shape.kh != 1 || shape.kw != 1 || shape.groups != 1 || shape.pad_top != 0 ||
      shape.pad_left != 0 || !inside) {
    return nullptr;
  }
  return std::make_unique<Pointwise>(shape, isa);
}

}  // namespace drawbar::cpu
