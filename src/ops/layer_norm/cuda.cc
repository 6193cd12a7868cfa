#include <algorithm>

#include "ops/layer_norm/op.h"
#include "ops/pointwise/broadcast.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::LayerNorm;

constexpr int64_t held_elements = 32;  // that one thread holds at the most
constexpr int64_t block_threads = 128;

const Operand* present(std::span<const Operand> operands, size_t i) {
  return i < operands.size() && operands[i].present ? &operands[i] : nullptr;
}

const LayerNorm& op_of(const Problem& problem) { return *problem.op.as<LayerNorm>(); }

int64_t length_of(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  int64_t length = 1;
  for (int64_t i = Infer::axis(op_of(problem).axis, x.rank()); i < x.rank(); ++i)
    length *= x.dim(i);
  return length;
}

int64_t width_of(const Problem& problem) {
  return vector_width(length_of(problem), problem.inputs[0].type);
}

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && (!is_real(operand.type) || operand.layout != Layout::row_major))
        return false;
    }
  }
  return present(problem.outputs, LayerNorm::y) != nullptr;
}
bool warp_applies(const Problem& problem) {
  return applies(problem) && length_of(problem) <= 32 * held_elements;
}
bool block_applies(const Problem& problem) {
  const int64_t length = length_of(problem);
  return applies(problem) && length >= 256 && length <= 512 * held_elements;
}

/// Whether a parameter has an element for each of a row, the same for all rows.
bool is_along(const Problem& problem, const Operand& parameter) {
  const Operand& x = problem.inputs[0];
  const int64_t axis = Infer::axis(op_of(problem).axis, x.rank());
  for (int64_t i = 0; i < x.rank(); ++i) {
    const int64_t own = i - x.rank() + parameter.rank();
    if ((own < 0 ? 1 : parameter.dim(own)) != (i < axis ? 1 : x.dim(i))) return false;
  }
  return true;
}

/// Where a parameter's elements are: layer_norm::Along or layer_norm::Broadcast.
std::string place(const Problem& problem, size_t i) {
  const Operand* parameter = present(problem.inputs, i);
  if (!parameter || is_along(problem, *parameter)) return "layer_norm::Along";
  const Operand& x = problem.inputs[0];
  const std::vector<Shape> shapes = {parameter->shape}, strides = {parameter->strides()};
  const ops::BroadcastPlan plan = ops::plan_broadcast(shapes, strides, x.shape, x.strides());
  std::string loops;
  for (size_t axis = plan.sizes.size(); axis-- > 0;) {
    loops += fmt::format("{}reduce::Loop<{}, {}>", loops.empty() ? "" : ", ", plan.sizes[axis],
                         plan.strides[0][axis]);
  }
  return fmt::format("layer_norm::Broadcast<reduce::Offset<{}>>", loops);
}

int options(const Problem& problem) {
  int result = op_of(problem).root_mean_square ? 1 : 0;
  constexpr size_t inputs[] = {LayerNorm::scale, LayerNorm::bias, LayerNorm::residual};
  constexpr size_t outputs[] = {LayerNorm::mean, LayerNorm::inverse_deviation, LayerNorm::sum};
  for (size_t i = 0; i < 3; ++i) {
    if (present(problem.inputs, inputs[i])) result |= 2 << i;
    if (present(problem.outputs, outputs[i])) result |= 16 << i;
  }
  return result;
}

/// `shape` are the template arguments between the options and epsilon.
std::unique_ptr<Kernel> launch(const Problem& problem, std::string_view function,
                               const std::string& shape, int64_t blocks, int64_t threads) {
  Launch launch;
  launch.file = "ops/layer_norm/cuda_rows.cuh";
  launch.call = fmt::format("layer_norm::{}<{}, {}, {}, {}, {}>", function, options(problem), shape,
                            float_bits(op_of(problem).epsilon), place(problem, LayerNorm::scale),
                            place(problem, LayerNorm::bias));
  launch.grid.x = blocks;
  launch.block.x = threads;
  launch.synchronises = true;
  const auto either = [&](size_t i) { return present(problem.inputs, i) ? i : size_t{0}; };
  for (size_t i : {LayerNorm::x, LayerNorm::scale, LayerNorm::bias, LayerNorm::residual})
    launch.arguments.push_back(input(problem, either(i)));
  launch.arguments.push_back(output(problem, LayerNorm::y));
  // Both statistics have one type, which one that is absent takes from the other.
  const auto statistic = [&](size_t own, size_t other) {
    return output(problem, present(problem.outputs, own)     ? own
                           : present(problem.outputs, other) ? other
                                                             : size_t{LayerNorm::y});
  };
  launch.arguments.push_back(statistic(LayerNorm::mean, LayerNorm::inverse_deviation));
  launch.arguments.push_back(statistic(LayerNorm::inverse_deviation, LayerNorm::mean));
  const bool sum = present(problem.outputs, LayerNorm::sum) != nullptr;
  launch.arguments.push_back(output(problem, sum ? size_t{LayerNorm::sum} : size_t{LayerNorm::y}));
  return make_kernel(std::move(launch));
}

std::unique_ptr<Kernel> held(const Problem& problem, int64_t lanes) {
  const int64_t length = length_of(problem), rows = problem.inputs[0].size() / length;
  const int64_t threads = lanes > 32 ? lanes : block_threads, together = threads / lanes;
  return launch(problem, "held",
                fmt::format("{}, {}, {}, {}, {}", rows, length, width_of(problem), lanes, threads),
                (rows + together - 1) / together, threads);
}

std::unique_ptr<Kernel> make_warp(const Problem& problem) {
  const int64_t vectors = length_of(problem) / width_of(problem);
  return held(problem, std::min<int64_t>(32, power_of_two_from(vectors)));
}

std::unique_ptr<Kernel> make_block(const Problem& problem) {
  return held(problem, std::clamp<int64_t>(power_of_two_from(length_of(problem) / 16), 64, 512));
}

std::unique_ptr<Kernel> make_any(const Problem& problem) {
  constexpr int64_t threads = 512;
  const int64_t length = length_of(problem);
  return launch(problem, "any", fmt::format("{}, {}, {}", length, width_of(problem), threads),
                problem.inputs[0].size() / length, threads);
}

double held_seconds(const Problem& problem) {
  return streaming_seconds(problem, 20.0 * static_cast<double>(problem.inputs[0].size()));
}
/// A warp waits longer for its own long row than a block does.
double warp_seconds(const Problem& problem) {
  return held_seconds(problem) * (length_of(problem) > 512 ? 1.1 : 0.9);
}
double any_seconds(const Problem& problem) { return 2 * held_seconds(problem); }

const bool registered = [] {
  for (std::string_view name : {"LayerNormalization", "RMSNormalization"}) {
    register_tactic({name, "layer_norm", applies, any_seconds, make_any});
    register_tactic({name, "layer_norm_warp", warp_applies, warp_seconds, make_warp});
    register_tactic({name, "layer_norm_block", block_applies, held_seconds, make_block});
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cuda
