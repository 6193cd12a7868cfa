// Winograd's products with weights that are transformed ahead, by vectors or as gemm() sees fit.
#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/winograd.h"
#include "targets/cpu/gemm/blocking.h"

namespace drawbar::cpu {
namespace {

class Packed final : public WinogradProducts {
 public:
  explicit Packed(const WinogradGeometry& geometry)
      : WinogradProducts(geometry),
        plane_floats_(
            align_up(cpu::packed_bytes(geometry.shape.c, geometry.shape.m, geometry.isa), 64) / 4) {
  }

  std::string_view name() const override {
    return geometry_.tile == 2 ? "winograd2" : geometry_.tile == 4 ? "winograd4" : "winograd6";
  }
  int64_t packed_floats() const override { return geometry_.planes * plane_floats_; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    const auto transformed = transform_weights(weights, pool);
    const int64_t c = geometry_.shape.c, m = geometry_.shape.m;
    for (int64_t plane = 0; plane < geometry_.planes; ++plane) {
      cpu::pack(transformed.get() + plane * c * m, m, false, c, m, geometry_.isa,
                packed + plane * plane_floats_, pool);
    }
  }

  void multiply(const Block& block, int64_t plane) const override {
    const float* weights = block.packed + plane * plane_floats_;
    const int64_t m = geometry_.shape.m;
    PackedMatrix b{weights, geometry_.shape.c, m, geometry_.isa};
    if (plane + 1 < geometry_.planes) b.next = weights + plane_floats_;
    b.exact = true;  // transforming back enlarges errors
    gemm(block.tiles, block.input(plane), input_floats(1), b, block.output(plane), m, {}, nullptr);
  }

  double seconds(int64_t tiles) const override {
    const ConvShape& s = geometry_.shape;
    return static_cast<double>(geometry_.planes) *
           product_seconds(tiles, s.m, 1, s.c, geometry_.isa, ElementType::f32, true);
  }

 private:
  int64_t plane_floats_;
};

}  // namespace

std::unique_ptr<WinogradProducts> make_winograd_packed(const WinogradGeometry& geometry) {
  return std::make_unique<Packed>(geometry);
}

}  // namespace drawbar::cpu
