#include <algorithm>

#include "ops/integer_matmul/cuda_bytes.h"
#include "ops/integer_matmul/op.h"
#include "ops/matmul/cuda_product.h"
#include "ops/matmul/op.h"

namespace drawbar::cuda {
namespace {

using ops::MatMulInteger;
using ops::MatMulSizes;

constexpr int64_t direct_threads = 128;

ByteInputs inputs_of(const Problem& problem) {
  return problem.op.as<MatMulInteger>() ? sums_inputs : linear_inputs;
}

/// Rows [m, k] and a matrix [k, n] as a convolution with one tap along a line of m positions.
ByteProduct product_of(const Problem& problem) {
  ByteProduct p{.problem = problem, .at = inputs_of(problem)};
  const int64_t k = p.x().shape.back(), n = p.w().shape.back(), m = p.y().size() / n;
  p.channels = k;
  p.outputs = n;
  p.window.input[2] = p.window.output[2] = m;
  p.x_steps = {m * k, 1, 0, 0, k};
  p.y_steps = {m * n, 1, 0, 0, n};
  p.matrix = true;
  return p;
}

bool row_major(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && operand.layout != Layout::row_major) return false;
    }
  }
  return true;
}

bool takes_tiles(const Problem& problem) {
  return row_major(problem) && problem.inputs[inputs_of(problem).w].rank() == 2;
}

/// A parameter of a's or y's rows is a vector of them, or lies as y does.
Operand of_rows(Operand operand) {
  if (operand.rank() == 1 && operand.size() > 1) operand.shape.push_back(1);
  return operand;
}

bool direct_applies(const Problem& problem) {
  if (!row_major(problem) || problem.outputs[0].pitch != 0) return false;
  const ByteInputs at = inputs_of(problem);
  for (const Operand& operand : problem.inputs) {
    if (operand.present && !has_code_name(operand.type)) return false;
  }
  return problem.inputs[at.x].shape.back() < (int64_t{1} << 30) &&
         problem.inputs[at.w].shape.back() < (int64_t{1} << 30);
}

std::unique_ptr<Kernel> make_direct(const Problem& problem) {
  const ByteProduct p{.problem = problem, .at = inputs_of(problem)};
  const Operand& y = p.y();
  const MatMulSizes sizes = ops::matmul_sizes(ops::MatMul{}, p.x().shape, p.w().shape);
  const auto batch_offset = [&](const Shape& steps, int64_t matrix) {
    std::string result;
    int64_t count = sizes.m * sizes.n;
    for (size_t axis = steps.size(); axis-- > 0;) {
      if (steps[axis] != 0)
        result +=
            fmt::format(" + at / {}ll % {} * {}ll", count, sizes.batch[axis], steps[axis] * matrix);
      count *= sizes.batch[axis];
    }
    return result;
  };
  std::string text = fmt::format(
      "  static constexpr i64 size = {}, b_step = {}, columns = {};\n"
      "  static constexpr int depth = {};\n"
      "  static __device__ __forceinline__ i64 a_row(i64 at) {{\n"
      "    return at / {} % {} * {}ll{};\n  }}\n"
      "  static __device__ __forceinline__ i64 b_column(i64 at) {{\n"
      "    return at % {}{};\n  }}\n",
      y.size(), sizes.n, sizes.n, sizes.k, sizes.n, sizes.m, sizes.k,
      batch_offset(sizes.a_batch_step, sizes.m * sizes.k), sizes.n,
      batch_offset(sizes.b_batch_step, sizes.k * sizes.n));
  const auto parameter = [&](std::string_view name, const Operand& operand) {
    text += broadcast_member(name, operand.present ? operand : Operand{}, y);
  };
  parameter("x_scale", of_rows(p.given(p.at.x_scale)));
  parameter("x_zero", of_rows(p.given(p.at.x_zero)));
  parameter("w_scale", p.given(p.at.w_scale));
  parameter("w_zero", p.given(p.at.w_zero));
  parameter("y_scale", of_rows(p.given(p.at.y_scale)));
  parameter("y_zero", of_rows(p.given(p.at.y_zero)));
  const ByteShape shape = byte_shape(text);
  Launch launch;
  launch.file = "ops/integer_matmul/cuda_direct.cuh";
  launch.preface = {shape.text};
  launch.call =
      fmt::format("integer_matmul::direct_matrices<{}, {}>", shape.name, which_code(p, true));
  launch.grid = blocks_for(y.size(), direct_threads);
  launch.block.x = direct_threads;
  launch.arguments = {input(problem, p.at.x), input(problem, p.at.w)};
  for (const Argument& argument : given_arguments(p)) launch.arguments.push_back(argument);
  launch.arguments.push_back(output(problem, 0));
  return make_kernel(std::move(launch));
}

double direct_seconds(const Problem& problem) {
  const auto depth = static_cast<double>(problem.inputs[0].shape.back());
  return direct_byte_seconds(problem, depth);
}

const bool registered = [] {
  for (std::string_view op : {"QLinearMatMul", "MatMulInteger"}) {
    ByteTileTactics<product_of, takes_tiles>::add(
        op, {"matmul_bytes_units_few", "matmul_bytes_units_few_whole", "matmul_bytes_units",
             "matmul_bytes_units_large", "matmul_bytes_tiles"});
    register_tactic({op, "matmul_bytes_direct", direct_applies, direct_seconds, make_direct});
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cuda
