#include <algorithm>

#include "ops/integer_pool/op.h"
#include "ops/movement/cuda_copy.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

using ops::QLinearAveragePool;
using ops::Window3;

constexpr int64_t block_threads = 256;
constexpr int64_t most_taps = int64_t{1} << 22;  // whose sums fit 32 bits
constexpr std::string_view file = "ops/integer_pool/cuda_average.cuh";

const QLinearAveragePool& op_of(const Problem& problem) {
  return *problem.op.as<QLinearAveragePool>();
}

int64_t power_of_two_in(int64_t number, int64_t most) {
  while (number % most != 0) most /= 2;
  return most;
}

bool is_quantised(const Problem& problem) { return problem.outputs[0].type != ElementType::f32; }

/// Elements of x under one output of a global average.
int64_t pixels_of(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  return x.size() / x.dim(0) / x.dim(1);
}

/// The pointers every kernel takes; y's scale and zero point are any where y has none.
std::vector<Argument> arguments(const Problem& problem) {
  Argument y_scale = input(problem, 1), y_zero = input(problem, 2);
  if (is_quantised(problem)) {
    y_scale = input(problem, 3);
    y_zero = input(problem, 4);
  }
  return {input(problem, 0), input(problem, 1), input(problem, 2), y_scale, y_zero,
          output(problem, 0)};
}

bool window_applies(const Problem& problem) {
  const QLinearAveragePool& op = op_of(problem);
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (op.is_global() || op.pool.kernel.size() > 3 || x.pitch != 0) return false;
  const Window3 w(pool_window(op.pool), x.shape);
  constexpr int64_t most = int64_t{1} << 29;
  int64_t taps = 1;
  for (int i = 0; i < 3; ++i) {
    if (w.input[i] + w.pad[i] + w.pad_end[i] + w.stride[i] >= most ||
        w.kernel[i] * w.dilation[i] >= most || w.output[i] * w.stride[i] >= most)
      return false;
    taps *= std::min(w.kernel[i], w.input[i]);
    if (taps > most_taps) return false;
  }
  return w.outputs() < most && y.size() < most * 1024;
}

std::string strides(const Operand& operand) {
  const Shape all = operand.strides();
  return fmt::format("pool::Strides<{}, {}, {}>", all[0], all[1], all.back());
}

/// Channels that a thread takes: those of a load where both tensors are channels-last.
int64_t width_of(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (x.strides()[1] != 1 || y.strides()[1] != 1) return 1;
  const int64_t width = power_of_two_in(x.dim(1), is_quantised(problem) ? 16 : 4);
  return power_of_two_in(y.pixel_stride(), width);
}

std::unique_ptr<Kernel> make_window(const Problem& problem) {
  const QLinearAveragePool& op = op_of(problem);
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const Window3 w(pool_window(op.pool), x.shape);
  std::string axes;
  for (int i = 0; i < 3; ++i)
    axes += fmt::format(", pool::Axis<{}, {}, {}, {}, {}, {}, {}>", w.input[i], w.output[i],
                        w.kernel[i], w.stride[i], w.dilation[i], w.pad[i], w.pad_end[i]);
  const int64_t width = width_of(problem);
  Launch launch;
  launch.file = file;
  launch.call = fmt::format("integer_pool::window<{}, {}{}, {}, {}, {}, {}, {}>",
                            index_type(y.extent()), op.pool.count_include_pad, axes, x.dim(0),
                            x.dim(1), width, strides(x), strides(y));
  launch.grid = blocks_for(y.size() / width, block_threads);
  launch.block.x = block_threads;
  launch.arguments = arguments(problem);
  return make_kernel(std::move(launch));
}

bool global_applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  return op_of(problem).is_global() && x.pitch == 0 && (y.pitch == 0 || y.pitch == y.dim(1)) &&
         x.rank() >= 2 && pixels_of(problem) <= most_taps;
}

std::unique_ptr<Kernel> make_global(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  const int64_t pixels = pixels_of(problem);
  Launch launch;
  launch.file = file;
  launch.block.x = block_threads;
  launch.synchronises = true;
  launch.arguments = arguments(problem);
  if (x.layout == Layout::channels_last) {
    constexpr int64_t team = 8, across = block_threads / team;
    const int64_t width = power_of_two_in(x.dim(1), 4), groups = x.dim(1) / width;
    launch.call = fmt::format("integer_pool::average_pixels<{}, {}, {}, {}, {}, {}>", x.dim(0),
                              x.dim(1), pixels, width, team, block_threads);
    launch.grid.x = x.dim(0) * ((groups + across - 1) / across);
  } else {
    const int64_t planes = x.dim(0) * x.dim(1);
    launch.call =
        fmt::format("integer_pool::average_planes<{}, {}, {}>", planes, pixels, block_threads);
    launch.grid = blocks_for(planes, block_threads / 32);
  }
  return make_kernel(std::move(launch));
}

double window_seconds(const Problem& problem) {
  double taps = 1;
  for (int64_t size : op_of(problem).pool.kernel) taps *= static_cast<double>(size);
  return streaming_seconds(problem, 4 * taps * static_cast<double>(problem.outputs[0].size()));
}
double global_seconds(const Problem& problem) {
  return streaming_seconds(problem, 4.0 * static_cast<double>(problem.inputs[0].size()));
}

DRAWBAR_CUDA_TACTIC(window, "QLinearAveragePool", "average_pool_bytes", window_applies,
                    window_seconds, make_window);
DRAWBAR_CUDA_TACTIC(global, "QLinearAveragePool", "global_average_pool_bytes", global_applies,
                    global_seconds, make_global);
DRAWBAR_CUDA_LAYOUT(QLinearAveragePool, channels_last);

}  // namespace
}  // namespace drawbar::cuda
