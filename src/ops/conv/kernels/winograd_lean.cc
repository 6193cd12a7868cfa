// Winograd's products with weights of 3 × 3 that are kept as they came: 1.8 or 4 times fewer bytes,
// which tells where few tiles use weights that come from memory. Each thread transforms those of
// some output and input channels at a time into its second-level cache.
#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/winograd.h"
#include "targets/cpu/gemm/blocking.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kColumns = 64;  // output channels at a time

class Lean final : public WinogradProducts {
 public:
  explicit Lean(const WinogradGeometry& geometry) : WinogradProducts(geometry) {
    const int64_t c = geometry.shape.c;
    const int64_t most =
        std::max<int64_t>(cache_sizes().l2 / 2 / (geometry.planes * kColumns * 4), 16);
    channels_ = align_up(divide_up(c, divide_up(c, most)), 4);
    plane_ = align_up(channels_ * kColumns, 1024) + 80;
  }

  std::string_view name() const override {
    return geometry_.tile == 2 ? "winograd2_lean" : "winograd4_lean";
  }
  int64_t packed_floats() const override {
    return align_up(9 * geometry_.shape.c * padded_columns(), 16);
  }

  /// Lays the weights out as [column block][c][9][columns of the block].
  void pack(const float* weights, float* packed, ThreadPool*) const override {
    const int64_t c = geometry_.shape.c;
    for (int64_t m = 0; m < padded_columns(); ++m) {
      float* to = packed + block_at(m) + m % kColumns;
      for (int64_t i = 0; i < c * 9; ++i)
        to[i * columns_of(m)] = m < geometry_.shape.m ? weights[m * c * 9 + i] : 0;
    }
  }

  int64_t worker_floats() const override { return geometry_.planes * plane_; }
  bool plane_by_plane() const override { return false; }

  /// A unit is all planes of a block of output channels.
  int64_t units() const override { return divide_up(geometry_.shape.m, kColumns); }

  void multiply(const Block& block, int64_t unit) const override {
    const ConvShape& s = geometry_.shape;
    const int64_t m = unit * kColumns, columns = columns_of(m);
    for (int64_t c = 0; c < s.c; c += channels_) {
      const int64_t channels = std::min(channels_, s.c - c);
      winograd_weight_panels(geometry_.from(0), block.packed + block_at(m) + c * 9 * columns,
                             channels, columns, block.worker, plane_);
      Epilogue epilogue;
      epilogue.accumulate = c > 0;
      for (int64_t plane = 0; plane < geometry_.planes; ++plane) {
        PackedMatrix b{block.worker + plane * plane_, channels, std::min(columns, s.m - m),
                       geometry_.isa};
        b.exact = true;  // transforming back enlarges errors
        gemm(block.tiles, block.input(plane) + c, input_floats(1), b, block.output(plane) + m, s.m,
             epilogue, nullptr);
      }
    }
  }

  double seconds(int64_t tiles) const override {
    const ConvShape& s = geometry_.shape;
    const auto planes = static_cast<double>(geometry_.planes);
    const double weights = static_cast<double>(s.c * s.m) * 4;
    // Transformed ones pass through the second-level cache, which is so much faster.
    return planes * multiply_seconds(tiles, s.m, 1, s.c, geometry_.isa, ElementType::f32, true) +
           weights * (9 + planes / 3) / rates(geometry_.isa).bytes;
  }

 private:
  int64_t padded_columns() const { return align_up(geometry_.shape.m, panel_width(geometry_.isa)); }
  int64_t block_at(int64_t m) const { return m / kColumns * kColumns * geometry_.shape.c * 9; }
  int64_t columns_of(int64_t m) const {
    return std::min(kColumns, padded_columns() - m / kColumns * kColumns);
  }

  int64_t channels_ = 0;  // input channels whose weights are transformed at once
  int64_t plane_ = 0;     // floats from plane to plane of them
};

}  // namespace

std::unique_ptr<WinogradProducts> make_winograd_lean(const WinogradGeometry& geometry) {
  if (geometry.shape.kh != 3 || geometry.shape.kw != 3) return nullptr;
  return std::make_unique<Lean>(geometry);
}

}  // namespace drawbar::cpu
