#pragma once

#include <string>
#include <vector>

#include "ops/pointwise/cuda_code.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// What the kernels of cuda_multiply.cuh and cuda_few_lines.cuh run: matrix products, and what is
/// written as one. y and bias have one type; sums are of its compute type.
struct Product {
  int64_t rows = 1, columns = 1, depth = 1, parts = 1;
  /// Members of the Shape but for `rows`, `columns`, `parts`, `splits`, `alpha` and `has_bias`.
  std::string members;
  std::string base;                  // of the Shape: ": name", or nothing
  std::vector<std::string> preface;  // code in front of the Shape
  float alpha = 1;
  Argument left, right, y;
  std::optional<Argument> bias;
  int64_t y_size = 1;  // elements
  NamedCode epilogue = {"matmul::NoEpilogue", {}};
  std::vector<Argument> more;                          // the epilogue's further operands
  std::string file = "ops/matmul/cuda_few_lines.cuh";  // defines what `members` name
  std::vector<PackedBuffer> packed;
  uint32_t packed_inputs = 0;
};

/// A block's tile, and a thread's results in it; on the matrix units instead a warp's, of halves or
/// of f32 rounded to TF32.
struct ProductTile {
  int rows, columns, row_sums, column_sums;
  bool matrix_units = false;
  int threads() const {
    return rows / row_sums * (columns / column_sums) * (matrix_units ? 32 : 1);
  }
};
inline constexpr ProductTile large_tile = {128, 128, 8, 8};
inline constexpr ProductTile matrix_tile = {64, 64, 32, 32, true};
inline constexpr ProductTile large_matrix_tile = {128, 128, 64, 32, true};

/// Whether the tiles on matrix units take a product: both factors f8, f16 or bf16, or f32 (or
/// halves beside f32) where the problem takes TF32, on a GPU that has them. They round sums more
/// coarsely than plain sums in f32 do.
bool matrix_units_apply(const Product& product, const Problem& problem);

/// Whether sizes and launches are within what device code counts with.
bool product_fits(const Product& product);
/// The best of the smaller tiles.
ProductTile small_tile(const Product& product, const GpuInfo& gpu);
double tiled_seconds(const Product& product, const ProductTile& tile, const GpuInfo& gpu);
std::unique_ptr<Kernel> make_tiled(Product product, const ProductTile& tile, const GpuInfo& gpu);

/// For up to `most_few_lines` rows (or columns, where `swapped`): the wide side's lines run along
/// the depth, or stand side by side, `width` of them in one load.
inline constexpr int64_t most_few_lines = 8;
struct FewLines {
  bool swapped = false, along_depth = false;
  int64_t width = 1;
};
double few_seconds(const Product& product, const FewLines& few, const GpuInfo& gpu);
std::unique_ptr<Kernel> make_few(Product product, const FewLines& few, const GpuInfo& gpu);

/// Neighbouring elements that one load takes: a power of two, at most 16 bytes, that divides
/// `size`.
int64_t load_width(ElementType type, int64_t size);

/// What the device computes integers with: unsigned, so that they wrap around.
ElementType wrapping(ElementType type);
/// The type of sums.
ElementType compute_type(ElementType type);

/// `bias_of(i64 at)`: the place in an operand that broadcasts to y, of element `at` of y.
std::string broadcast_member(std::string_view name, const Operand& operand, const Operand& y);

}  // namespace drawbar::cuda
