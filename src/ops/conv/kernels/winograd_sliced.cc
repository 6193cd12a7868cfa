// Winograd's products in fixed point on the tile unit (gemm/slices.h): weights are sliced ahead,
// tiles right after their transformation.
#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/winograd.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/slices.h"

namespace drawbar::cpu {
namespace {

std::byte* bytes(float* p) { return reinterpret_cast<std::byte*>(p); }
const std::byte* bytes(const float* p) { return reinterpret_cast<const std::byte*>(p); }

class Sliced final : public WinogradProducts {
 public:
  explicit Sliced(const WinogradGeometry& geometry)
      : WinogradProducts(geometry),
        plane_floats_(align_up(sliced_columns_bytes(geometry.shape.c, geometry.shape.m), 64) / 4),
        staged_plane_(align_up(geometry.shape.c, kSliceDepth) + 16) {}

  std::string_view name() const override {
    return geometry_.tile == 2   ? "winograd2_slices"
           : geometry_.tile == 4 ? "winograd4_slices"
                                 : "winograd6_slices";
  }
  int64_t packed_floats() const override { return geometry_.planes * plane_floats_; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    const auto transformed = transform_weights(weights, pool);
    const int64_t c = geometry_.shape.c, m = geometry_.shape.m;
    const auto body = [&](int64_t begin, int64_t end, int) {
      for (int64_t plane = begin; plane < end; ++plane) {
        slice_columns(transformed.get() + plane * c * m, m, c, m,
                      bytes(packed + plane * plane_floats_));
      }
    };
    if (pool == nullptr) return body(0, geometry_.planes, 0);
    pool->parallel_for(geometry_.planes, 1, body);
  }

  int64_t input_floats(int64_t tiles) const override {
    return sliced_rows_bytes(tiles, geometry_.shape.c) / 4;
  }
  /// The scales of each plane.
  int64_t more_floats(int64_t tiles) const override { return geometry_.planes * tiles_of(tiles); }
  /// The planes of a tile that is about to be sliced.
  int64_t worker_floats() const override { return geometry_.planes * staged_plane_; }

  void transform_input(const Block& block, const float* x, int64_t begin,
                       int64_t end) const override {
    const int64_t c = geometry_.shape.c;
    for (int64_t plane = 0; plane < geometry_.planes; ++plane) {
      float* staged = block.worker + plane * staged_plane_;
      std::fill(staged + c, staged + staged_plane_, 0.0f);
    }
    for (int64_t i = begin; i < end; ++i) {
      winograd_input(geometry_.from(block.first + i), x, 0, 1, block.worker, 0, staged_plane_);
      for (int64_t plane = 0; plane < geometry_.planes; ++plane) {
        scales(block, plane)[i] =
            slice_row(block.worker + plane * staged_plane_, c, i, bytes(block.input(plane)));
      }
    }
  }

  void multiply(const Block& block, int64_t plane) const override {
    const float* weights = block.packed + plane * plane_floats_;
    SlicedProduct p;
    p.m = block.tiles;
    p.k = geometry_.shape.c;
    p.n = p.ldc = geometry_.shape.m;
    p.a = bytes(block.input(plane));
    p.a_scales = scales(block, plane);
    p.b = bytes(weights);
    p.next_b = plane + 1 < geometry_.planes ? bytes(weights + plane_floats_) : nullptr;
    p.c = block.output(plane);
    multiply_slices(p);
  }

  int64_t least_tiles(int64_t tile_bytes) const override {
    return 48 * tile_bytes <= cache_sizes().l2 / 2 ? 48 : 96;
  }

  double seconds(int64_t tiles) const override {
    constexpr double kProduct = 8e-9, kFinish = 1.5e-9;  // of two tiles; of a row of 16
    const auto panels = static_cast<double>(divide_up(geometry_.shape.m, kTilePanel));
    const auto rows = static_cast<double>(divide_up(tiles, kTileRows));
    const auto steps = static_cast<double>(slice_steps(geometry_.shape.c));
    const double multiply = panels * rows * (steps * 12 * kProduct + 32 * kFinish);
    const double weights = static_cast<double>(plane_floats_) * 4;
    // A tile is sliced besides.
    const double slicing = static_cast<double>(tiles * geometry_.shape.c) * 2;
    return static_cast<double>(geometry_.planes) *
           (overlapped(multiply, weights / rates(geometry_.isa).bytes) +
            slicing / rates(geometry_.isa).bytes);
  }

 private:
  static int64_t tiles_of(int64_t tiles) { return align_up(tiles, kTileRows); }
  float* scales(const Block& block, int64_t plane) const {
    return block.own + block.planes->more + plane * tiles_of(block.tiles);
  }

  int64_t plane_floats_;  // of weights
  int64_t staged_plane_;  // of a tile, off multiples of 4 KiB of the next one
};

}  // namespace

std::unique_ptr<WinogradProducts> make_winograd_sliced(const WinogradGeometry& geometry) {
  if (geometry.isa != Isa::amx || geometry.shape.c > kMostSlicedDepth) return nullptr;
  return std::make_unique<Sliced>(geometry);
}

}  // namespace drawbar::cpu
