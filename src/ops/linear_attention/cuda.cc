#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/linear_attention/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

using ops::LinearAttention;

constexpr int64_t most = std::numeric_limits<int32_t>::max() / 64;
constexpr int64_t block_threads = 128;

const LinearAttention& op_of(const Problem& problem) { return *problem.op.as<LinearAttention>(); }

bool has(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

struct Sizes {
  int64_t batch, steps, size, value_size, parts, lanes;

  explicit Sizes(const Problem& problem) {
    const LinearAttention& op = op_of(problem);
    const Operand& q = problem.inputs[LinearAttention::q];
    batch = q.dim(0);
    steps = q.dim(1);
    size = q.dim(2) / op.heads;
    value_size = problem.inputs[LinearAttention::v].dim(2) / op.groups;
    parts = batch * op.groups;
    // As in Team of cuda_states.cuh.
    lanes = 1;
    while (lanes < 32 && lanes * 48 < size * (op.heads / op.groups + 2)) lanes *= 2;
  }
  int64_t blocks() const {
    const int64_t columns = block_threads / lanes;
    return (value_size + columns - 1) / columns * parts;
  }
};

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && (!is_real(operand.type) || operand.layout != Layout::row_major))
        return false;
    }
  }
  // A state's column is held in registers.
  const Sizes sizes(problem);
  return problem.outputs[0].present && sizes.size <= 1024 && sizes.steps < most &&
         sizes.value_size < most && op_of(problem).heads / op_of(problem).groups <= 64 &&
         static_cast<double>(sizes.parts) * static_cast<double>(sizes.value_size) <
             static_cast<double>(most);
}

double seconds(const Problem& problem) {
  const Sizes sizes(problem);
  const double waves = std::ceil(static_cast<double>(sizes.blocks()) /
                                 (4.0 * std::max(1, problem.gpu.multiprocessors)));
  return streaming_seconds(problem) + waves * static_cast<double>(sizes.steps) * 0.4e-6;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const LinearAttention& op = op_of(problem);
  const Sizes sizes(problem);
  const auto columns = [&](size_t i) { return has(problem, i) ? problem.inputs[i].dim(2) : 1; };
  const bool has_last = problem.outputs.size() > 1 && problem.outputs[1].present;
  const bool has_past = has(problem, LinearAttention::past);
  const std::string text = fmt::format(
      "  static constexpr int batch = {}, steps = {}, heads = {}, groups = {};\n"
      "  static constexpr int size = {}, value_size = {}, decay_columns = {}, beta_columns = {};\n"
      "  static constexpr bool gated = {}, corrects = {}, has_past = {}, has_last = {};\n"
      "  static constexpr double scale = {:.17g};\n",
      sizes.batch, sizes.steps, op.heads, op.groups, sizes.size, sizes.value_size,
      columns(LinearAttention::decay), columns(LinearAttention::beta), op.gated(), op.corrects(),
      has_past, has_last,
      op.scale != 0 ? double{op.scale} : 1 / std::sqrt(static_cast<double>(sizes.size)));
  const std::string name = "LinearAttention_" + hash_bytes(text).hex().substr(0, 16);
  bool wide = false;
  for (const Operand& operand : problem.inputs)
    wide |= operand.present && operand.type == ElementType::f64;

  Launch launch;
  launch.file = "ops/linear_attention/cuda_states.cuh";
  launch.preface = {fmt::format("struct {} {{\n{}}};", name, text)};
  launch.call = fmt::format("linear_attention::states<{}, {}>", name, wide ? "double" : "float");
  launch.grid.x = sizes.blocks();
  launch.block.x = block_threads;
  launch.synchronises = true;
  for (size_t i = 0; i <= LinearAttention::beta; ++i)
    launch.arguments.push_back(input(problem, has(problem, i) ? i : size_t{LinearAttention::q}));
  launch.arguments.push_back(output(problem, 0));
  launch.arguments.push_back(output(problem, has_last ? 1 : 0));
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(linear_attention, "LinearAttention", "linear_attention", applies, seconds,
                    make);

}  // namespace
}  // namespace drawbar::cuda
