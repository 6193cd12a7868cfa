#include "ops/recurrent/cuda_ways.h"

namespace drawbar::cuda {
namespace {

Product product_of(const ProductFactors& f, int64_t left_width, int64_t right_width) {
  Product p;
  p.rows = f.rows;
  p.columns = f.columns;
  p.depth = f.depth;
  p.parts = f.parts;
  p.left = f.left;
  p.right = f.right;
  p.y = f.y;
  p.y_size = f.parts * f.rows * f.columns;
  const auto source = [&](std::string_view name, int64_t lines, int64_t width) {
    return fmt::format(
        "  template <class T>\n  static __device__ __forceinline__ auto {}(const Part& part, const "
        "T* data) {{\n    return matmul::Matrix<T, {}, {}, {}, 1, true, {}>{{data + part.{}}};\n"
        "  }}\n",
        name, lines, f.depth, f.depth, width, name);
  };
  p.members = fmt::format(
      "  static constexpr int y_width = {};\n"
      "  struct Part {{\n    int depth;\n    i64 left, right, y;\n  }};\n"
      "  static __device__ __forceinline__ Part part(int i) {{\n"
      "    return {{{}, i64(i) * {}ll, i64(i) * {}ll + {}ll, i64(i) * {}ll}};\n  }}\n",
      f.columns % 4 == 0 ? 4 : 1, f.depth, f.left_part, f.right_part, f.right_first,
      f.rows * f.columns);
  p.members += source("left", f.rows, left_width) + source("right", f.columns, right_width);
  p.members += fmt::format(
      "  static __device__ __forceinline__ i64 y_row(const Part& part, int row) {{\n"
      "    return part.y + i64(row) * {};\n  }}\n"
      "  static __device__ __forceinline__ i64 y_column(const Part&, int column) {{\n"
      "    return column;\n  }}\n"
      "  static __device__ __forceinline__ i64 bias_at(const Part&, int, int) {{ return 0; }}\n"
      "  static __device__ __forceinline__ i64 bias_of(i64) {{ return 0; }}\n",
      f.columns);
  return p;
}

}  // namespace

ProductWay best_way(const ProductFactors& f, const Problem& problem) {
  const GpuInfo& gpu = problem.gpu;
  ProductWay best;
  const auto offer = [&](double seconds, std::function<std::unique_ptr<Kernel>()> make) {
    if (seconds < best.seconds) best = {seconds, std::move(make)};
  };
  const int64_t right_width = load_width(f.right.type, f.depth);
  const Product tiled = product_of(f, load_width(f.left.type, f.depth), right_width);
  const auto offer_tile = [&](const ProductTile& tile) {
    offer(tiled_seconds(tiled, tile, gpu), [=] { return make_tiled(tiled, tile, gpu); });
  };
  offer_tile(small_tile(tiled, gpu));
  if (f.rows > 64 && f.columns > 64 && bits(f.y.type) <= 32) offer_tile(large_tile);
  Product halves = tiled;
  halves.y.type = f.left.type;
  if (matrix_units_apply(halves, problem)) {
    offer_tile(matrix_tile);
    if (f.rows > 64 && f.columns > 64) offer_tile(large_matrix_tile);
  }
  if (f.rows <= most_few_lines) {
    const FewLines few = {.swapped = false, .along_depth = true, .width = right_width};
    const Product product = product_of(f, right_width, right_width);
    offer(few_seconds(product, few, gpu), [=] { return make_few(product, few, gpu); });
  }
  return best;
}

}  // namespace drawbar::cuda
