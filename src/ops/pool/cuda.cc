#include <algorithm>
#include <numeric>

#include "ops/movement/cuda_copy.h"
#include "ops/pool/op.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::GlobalPool;
using ops::Pool;
using ops::PoolKind;

constexpr int64_t block_threads = 256;

bool has_indices(const Problem& problem) {
  return problem.outputs.size() > 1 && problem.outputs[1].present;
}

bool applies(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  const auto& op = *problem.op.as<Pool>();
  const bool bytes = x.type == ElementType::i8 || x.type == ElementType::u8;
  if (op.kernel.size() > 3 || op.p > INT32_MAX) return false;
  if (!problem.outputs[0].present) return false;
  if (has_indices(problem) && problem.outputs[1].layout != Layout::row_major) return false;
  return is_real(x.type) || (bytes && op.kind == PoolKind::maximum);
}

std::string strides(const Operand& operand) {
  const Shape all = operand.strides();
  return fmt::format("pool::Strides<{}, {}, {}>", all[0], all[1], all.back());
}

std::string kind(const Pool& op) {
  if (op.kind == PoolKind::maximum) return "pool::Maximum";
  if (op.kind == PoolKind::average) return fmt::format("pool::Average<{}>", op.count_include_pad);
  return fmt::format("pool::Norm<{}>", op.p);
}

/// Channels that a thread takes: those that 16 bytes hold where both tensors are channels-last.
int64_t width_of(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const bool last = x.layout == Layout::channels_last && y.layout == Layout::channels_last;
  if (!last || has_indices(problem)) return 1;
  return vector_width(std::gcd(x.dim(1), y.pixel_stride()), x.type);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<Pool>();
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const ops::Window3 w(ops::window_of(op, op.kernel), x.shape);
  std::string axes;
  int64_t reach = 0;  // what coordinates stay below
  for (int i = 0; i < 3; ++i) {
    axes += fmt::format(", pool::Axis<{}, {}, {}, {}, {}, {}, {}>", w.input[i], w.output[i],
                        w.kernel[i], w.stride[i], w.dilation[i], w.pad[i], w.pad_end[i]);
    reach = std::max(
        {reach, w.input[i] + w.pad[i] + w.pad_end[i] + w.stride[i], w.kernel[i] * w.dilation[i]});
  }
  const int64_t width = width_of(problem);
  const std::string_view index = index_type(std::max({x.size(), y.extent(), 2 * reach}));
  Launch launch;
  launch.file = "ops/pool/cuda_window.cuh";
  launch.call = fmt::format("pool::window<{}, {}{}, {}, {}, {}, {}, {}, {}, {}, {}>", kind(op),
                            index, axes, x.dim(0), x.dim(1), width, strides(x), strides(y),
                            block_threads, has_indices(problem), op.column_major);
  launch.grid = blocks_for(y.size() / width, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  if (has_indices(problem)) launch.arguments.push_back(output(problem, 1));
  return make_kernel(std::move(launch));
}

double seconds(const Problem& problem) {
  double taps = 1;
  for (int64_t size : problem.op.as<Pool>()->kernel) taps *= static_cast<double>(size);
  return streaming_seconds(problem, 4 * taps * static_cast<double>(problem.outputs[0].size()));
}

bool global_applies(const Problem& problem) {
  return is_real(problem.inputs[0].type) && problem.op.as<GlobalPool>()->p <= INT32_MAX;
}

std::unique_ptr<Kernel> make_global(const Problem& problem) {
  const auto& op = *problem.op.as<GlobalPool>();
  const Operand& x = problem.inputs[0];
  const std::string_view type = code_name(x.type);
  std::string fold;
  if (op.kind == PoolKind::lp) {
    fold = op.p == 1   ? fmt::format("reduce::l1<{}>", type)
           : op.p == 2 ? fmt::format("reduce::l2<{}>", type)
                       : fmt::format("reduce::norm<{}, {}>", type, op.p);
  } else {
    fold = fmt::format("reduce::{}<{}>", op.kind == PoolKind::maximum ? "max" : "mean", type);
  }
  std::vector<bool> reduced(x.shape.size(), true);
  reduced[0] = reduced[1] = false;
  return make_reduction(problem, fold, reduced);
}

double global_seconds(const Problem& problem) { return streaming_seconds(problem); }

DRAWBAR_CUDA_TACTIC(max_pool, "MaxPool", "max_pool", applies, seconds, make);
DRAWBAR_CUDA_TACTIC(average_pool, "AveragePool", "average_pool", applies, seconds, make);
DRAWBAR_CUDA_TACTIC(lp_pool, "LpPool", "lp_pool", applies, seconds, make);
DRAWBAR_CUDA_TACTIC(global_max, "GlobalMaxPool", "global_max_pool", global_applies, global_seconds,
                    make_global);
DRAWBAR_CUDA_TACTIC(global_average, "GlobalAveragePool", "global_average_pool", global_applies,
                    global_seconds, make_global);
DRAWBAR_CUDA_TACTIC(global_lp, "GlobalLpPool", "global_lp_pool", global_applies, global_seconds,
                    make_global);
DRAWBAR_CUDA_LAYOUT(MaxPool, channels_last);
DRAWBAR_CUDA_LAYOUT(AveragePool, channels_last);
DRAWBAR_CUDA_LAYOUT(LpPool, channels_last);
DRAWBAR_CUDA_LAYOUT(GlobalMaxPool, channels_last);
DRAWBAR_CUDA_LAYOUT(GlobalAveragePool, channels_last);
DRAWBAR_CUDA_LAYOUT(GlobalLpPool, channels_last);

}  // namespace
}  // namespace drawbar::cuda
