#include <algorithm>

#include "ops/matmul/cuda_product.h"
#include "ops/matmul/op.h"

namespace drawbar::cuda {
namespace {

using ops::MatMul;
using ops::MatMulSizes;

bool is_zero(const Shape& steps) {
  return std::all_of(steps.begin(), steps.end(), [](int64_t step) { return step == 0; });
}

/// The sizes, with the batch taken as rows where b has none.
MatMulSizes sizes_of(const Problem& problem) {
  const MatMul& op = *problem.op.as<MatMul>();
  MatMulSizes sizes = matmul_sizes(op, problem.inputs[0].shape, problem.inputs[1].shape);
  if (!op.transpose_a && is_zero(sizes.b_batch_step)) {
    sizes.m *= sizes.batch_count;
    sizes.batch_count = 1;
    sizes.batch = sizes.a_batch_step = sizes.b_batch_step = {};
  }
  return sizes;
}

/// The offset of a factor's matrix for batch entry `i` as a sum of the batch's indices.
std::string batch_offset(const Shape& batch, const Shape& steps, int64_t matrix) {
  std::string result;
  int64_t count = 1;
  for (size_t axis = steps.size(); axis-- > 0;) {
    if (steps[axis] != 0)
      result += fmt::format(" + i64(i / {} % {}) * {}ll", count, batch[axis], steps[axis] * matrix);
    count *= batch[axis];
  }
  return result;
}

/// One side: its lines run along the depth or stand side by side.
std::string source_member(std::string_view name, int64_t lines, int64_t depth, bool along_depth,
                          int64_t width) {
  return fmt::format(
      "  template <class T>\n  static __device__ __forceinline__ auto {}(const Part& part, const "
      "T* data) {{\n    return matmul::Matrix<T, {}, {}, {}, {}, {}, {}>{{data + part.{}}};\n"
      "  }}\n",
      name, lines, depth, along_depth ? depth : 1, along_depth ? 1 : lines, along_depth, width,
      name);
}

bool applies(const Problem& problem) {
  const MatMul& op = *problem.op.as<MatMul>();
  const ElementType type = problem.inputs[0].type;
  const bool integer = is_integer(type) && has_code_name(type);
  const bool f8 = type == ElementType::f8e4m3fn && problem.inputs[1].type == type;
  if ((!is_real(type) && !integer && !f8) || (integer && op.alpha != 1)) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (problem.inputs[i].rank() < 2) return false;
  }
  const ElementType b = problem.inputs[1].type;
  return b == type || (type == ElementType::f32 && is_half(b));
}

/// `left_width`, `right_width`: neighbours in one load.
Product product_of(const Problem& problem, const MatMulSizes& sizes, int64_t left_width,
                   int64_t right_width) {
  const MatMul& op = *problem.op.as<MatMul>();
  const Operand& y = problem.outputs[0];
  const auto wrapped = [](Argument argument) {
    argument.type = wrapping(argument.type);
    return argument;
  };
  Product p;
  p.rows = sizes.m;
  p.columns = sizes.n;
  p.depth = sizes.k;
  p.parts = sizes.batch_count;
  p.alpha = op.alpha;
  p.left = wrapped(input(problem, 0));
  p.right = wrapped(input(problem, 1));
  p.y = wrapped(output(problem, 0));
  p.y_size = y.size();

  p.members = fmt::format(
      "  static constexpr int y_width = {};\n"
      "  struct Part {{\n    int depth;\n    i64 left, right, y;\n  }};\n"
      "  static __device__ __forceinline__ Part part(int i) {{\n"
      "    return {{{}, 0{}, 0{}, i64(i) * {}ll}};\n  }}\n",
      sizes.n % 4 == 0 ? 4 : 1, sizes.k,
      batch_offset(sizes.batch, sizes.a_batch_step, sizes.m * sizes.k),
      batch_offset(sizes.batch, sizes.b_batch_step, sizes.k * sizes.n), sizes.m * sizes.n);
  p.members += source_member("left", sizes.m, sizes.k, !op.transpose_a, left_width);
  p.members += source_member("right", sizes.n, sizes.k, op.transpose_b, right_width);
  p.members += fmt::format(
      "  static __device__ __forceinline__ i64 y_row(const Part& part, int row) {{\n"
      "    return part.y + i64(row) * {};\n  }}\n"
      "  static __device__ __forceinline__ i64 y_column(const Part&, int column) {{\n"
      "    return column;\n  }}\n",
      sizes.n);

  const bool has_bias = problem.inputs.size() > ops::matmul_bias_input &&
                        problem.inputs[ops::matmul_bias_input].present;
  const Operand bias = has_bias ? problem.inputs[ops::matmul_bias_input] : Operand{};
  if (has_bias) p.bias = wrapped(input(problem, ops::matmul_bias_input));
  p.members += broadcast_member("bias_of", bias, y);
  const bool of_columns = has_bias && bias.rank() > 0 && bias.size() == bias.shape.back();
  p.members += fmt::format(
      "  static __device__ __forceinline__ i64 bias_at([[maybe_unused]] const Part& part, "
      "[[maybe_unused]] int row, [[maybe_unused]] int column) {{\n    return {};\n  }}\n",
      !has_bias || bias.size() == 1 ? "0"
      : of_columns                  ? "column"
                                    : "bias_of(y_row(part, row) + column)");
  if (!op.post.empty()) {
    std::vector<Operand> more;
    for (size_t i = ops::matmul_first_post_input; i < problem.inputs.size(); ++i) {
      more.push_back(problem.inputs[i]);
      p.more.push_back(input(problem, i));
    }
    p.epilogue = epilogue_code(op.post, y, more);
  }
  return p;
}

Product tiled_product(const Problem& problem) {
  const MatMul& op = *problem.op.as<MatMul>();
  const MatMulSizes sizes = sizes_of(problem);
  return product_of(problem, sizes,
                    load_width(problem.inputs[0].type, op.transpose_a ? sizes.m : sizes.k),
                    load_width(problem.inputs[1].type, op.transpose_b ? sizes.k : sizes.n));
}

bool tiled_applies(const Problem& problem) {
  return applies(problem) && product_fits(tiled_product(problem));
}
double small_seconds(const Problem& problem) {
  const Product product = tiled_product(problem);
  return tiled_seconds(product, small_tile(product, problem.gpu), problem.gpu);
}
std::unique_ptr<Kernel> make_small(const Problem& problem) {
  Product product = tiled_product(problem);
  const ProductTile tile = small_tile(product, problem.gpu);
  return make_tiled(std::move(product), tile, problem.gpu);
}

bool matrix_applies(const Problem& problem) {
  return tiled_applies(problem) && matrix_units_apply(tiled_product(problem), problem);
}
bool has_large_tiles(const Problem& problem) {
  const MatMulSizes sizes = sizes_of(problem);
  return sizes.m > 64 && sizes.n > 64;
}
bool large_matrix_applies(const Problem& problem) {
  return matrix_applies(problem) && has_large_tiles(problem);
}
/// Tiles of eight bytes a number would fill more than shared memory.
bool large_applies(const Problem& problem) {
  return tiled_applies(problem) && has_large_tiles(problem) && !matrix_applies(problem) &&
         bits(problem.inputs[0].type) <= 32;
}
template <const ProductTile& tile>
double seconds_of(const Problem& problem) {
  return tiled_seconds(tiled_product(problem), tile, problem.gpu);
}
template <const ProductTile& tile>
std::unique_ptr<Kernel> make_of(const Problem& problem) {
  return make_tiled(tiled_product(problem), tile, problem.gpu);
}

struct FewProduct {
  Product product;
  FewLines few;
};

FewProduct few_product(const Problem& problem) {
  const MatMul& op = *problem.op.as<MatMul>();
  const MatMulSizes sizes = sizes_of(problem);
  FewLines few;
  few.swapped = sizes.m > most_few_lines;
  few.along_depth = few.swapped ? !op.transpose_a : op.transpose_b;
  const size_t wide = few.swapped ? 0 : 1;
  const int64_t lines = few.swapped ? sizes.m : sizes.n;
  few.width = load_width(problem.inputs[wide].type, few.along_depth ? sizes.k : lines);
  const bool both_along = few.along_depth && (few.swapped ? op.transpose_b : !op.transpose_a);
  const int64_t other = both_along ? few.width : 1;
  return {
      product_of(problem, sizes, few.swapped ? few.width : other, few.swapped ? other : few.width),
      few};
}

bool few_applies(const Problem& problem) {
  if (!applies(problem)) return false;
  const MatMulSizes sizes = sizes_of(problem);
  return std::min(sizes.m, sizes.n) <= most_few_lines && product_fits(few_product(problem).product);
}
double few_lines_seconds(const Problem& problem) {
  const FewProduct p = few_product(problem);
  return few_seconds(p.product, p.few, problem.gpu);
}
std::unique_ptr<Kernel> make_few_lines(const Problem& problem) {
  FewProduct p = few_product(problem);
  return make_few(std::move(p.product), p.few, problem.gpu);
}

DRAWBAR_CUDA_TACTIC(matmul_small, "MatMul", "matmul_small_tiles", tiled_applies, small_seconds,
                    make_small);
DRAWBAR_CUDA_TACTIC(matmul_large, "MatMul", "matmul_large_tiles", large_applies,
                    seconds_of<large_tile>, make_of<large_tile>);
DRAWBAR_CUDA_TACTIC(matmul_matrix, "MatMul", "matmul_matrix_units", matrix_applies,
                    seconds_of<matrix_tile>, make_of<matrix_tile>);
DRAWBAR_CUDA_TACTIC(matmul_large_matrix, "MatMul", "matmul_matrix_units_large",
                    large_matrix_applies, seconds_of<large_matrix_tile>,
                    make_of<large_matrix_tile>);
DRAWBAR_CUDA_TACTIC(matmul_few, "MatMul", "matmul_few_lines", few_applies, few_lines_seconds,
                    make_few_lines);

}  // namespace
}  // namespace drawbar::cuda
