#include <algorithm>

#include "ops/conv/op.h"
#include "ops/integer_conv/cuda_product.h"

namespace drawbar::cuda {
namespace {

using ops::ConvInteger;
using ops::QLinearConv;

constexpr int64_t direct_threads = 128;
constexpr int64_t most_span = 12;  // pixels of a line that a thread of the depthwise kernel holds

bool has_window(const Problem& problem) {
  const int64_t rank = problem.inputs[0].rank();
  return rank >= 3 && rank <= 5;
}

ByteProduct product_of(const Problem& problem) {
  if (const auto* sums = problem.op.as<ConvInteger>())
    return byte_convolution(problem, *sums, sums_inputs);
  return byte_convolution(problem, *problem.op.as<QLinearConv>(), linear_inputs);
}

bool takes_tiles(const Problem& problem) {
  return has_window(problem) && !is_depthwise(product_of(problem));
}

bool direct_applies(const Problem& problem) {
  if (!has_window(problem)) return false;
  ByteProduct p = product_of(problem);
  if (p.w().layout != Layout::row_major || p.x().pitch != 0) return false;
  constexpr int64_t most = int64_t{1} << 30;
  for (size_t i = 0; i < 3; ++i) {
    const ops::Window3& w = p.window;
    const int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + w.pad[i];
    if (reach >= most || std::max(w.output[i], w.input[i]) * w.stride[i] >= most) return false;
  }
  return p.rows() < most && p.depth() < most && p.all_outputs() < most;
}

std::unique_ptr<Kernel> make_direct(const Problem& problem) {
  const ByteProduct p = product_of(problem);
  const ByteShape shape = byte_shape(byte_shape_members(p));
  Launch launch;
  launch.file = "ops/integer_matmul/cuda_direct.cuh";
  launch.preface = {shape.text};
  launch.call = fmt::format("integer_matmul::direct<{}, {}>", shape.name, which_code(p, true));
  launch.grid = blocks_for(p.y().size(), direct_threads);
  launch.block.x = direct_threads;
  launch.arguments = {input(problem, p.at.x), input(problem, p.at.w)};
  for (const Argument& argument : given_arguments(p)) launch.arguments.push_back(argument);
  launch.arguments.push_back(output(problem, 0));
  return make_kernel(std::move(launch));
}

double direct_seconds(const Problem& problem) {
  return direct_byte_seconds(problem, static_cast<double>(product_of(problem).depth()));
}

int64_t span(const ByteProduct& p, int64_t run) {
  return (run - 1) * p.window.stride[2] + (p.window.kernel[2] - 1) * p.window.dilation[2] + 1;
}

/// Results of a thread along a line: fewer where threads are.
int64_t depthwise_run(const ByteProduct& p) {
  const int64_t threads = p.y().size() / 4;
  int64_t run = 4;
  while (run > 1 && (span(p, run) > most_span || run > p.window.output[2] ||
                     threads / run < int64_t{p.problem.gpu.multiprocessors} * 256))
    run /= 2;
  return run;
}

bool depthwise_applies(const Problem& problem) {
  if (!has_window(problem)) return false;
  const ByteProduct p = product_of(problem);
  return is_depthwise(p) && byte_product_applies(p) && p.x_steps[1] == 1 && p.y_steps[1] == 1 &&
         span(p, 1) <= most_span && p.window.kernel[1] <= 64 && p.y().size() < int64_t{1} << 30;
}

std::unique_ptr<Kernel> make_depthwise(const Problem& problem) {
  const ByteProduct p = product_of(problem);
  const PackedWeights weights = packed_weights(p);
  const ops::Window3& w = p.window;
  const int64_t fours = (w.kernel[2] + 3) / 4, w_channels = (p.groups + 3) / 4 * 4;
  const int64_t lines = w.kernel[0] * w.kernel[1], columns = w.kernel[2];
  const int64_t run = depthwise_run(p);
  bool whole = p.groups % 4 == 0;
  for (size_t i : {0, 2, 3, 4}) whole = whole && p.y_steps[i] % 4 == 0;
  const ByteShape shape = byte_shape(
      byte_shape_members(p) +
      fmt::format("  static constexpr int run = {}, fours = {}, w_channels = {}, y_width = {};\n"
                  "  static constexpr bool w_zeros = {};\n",
                  run, fours, w_channels, whole ? 4 : 1, weights.zeros));
  const auto write = [=](int64_t channel, std::span<const int32_t> taps, std::byte* packed) {
    for (int64_t i = 0; i < lines * columns; ++i) {
      const int64_t line = i / columns, column = i % columns;
      const int64_t at = (line * fours + column / 4) * w_channels + channel;
      packed[at * 4 + column % 4] = static_cast<std::byte>(taps[static_cast<size_t>(i)]);
    }
  };
  const PackedBuffer buffer =
      pack_byte_weights(p, "depthwise", static_cast<size_t>(lines * fours * w_channels * 4), write);
  ByteParameters parameters = byte_parameters(p, 1);
  Launch launch;
  launch.file = "ops/integer_conv/cuda_depthwise.cuh";
  launch.preface = {shape.text};
  launch.call = fmt::format("integer_conv::depthwise<{}, {}>", shape.name, parameters.type);
  const int64_t runs = (w.output[2] + run - 1) / run;
  launch.grid = blocks_for(p.rows() / w.output[2] * runs * (w_channels / 4), direct_threads);
  launch.block.x = direct_threads;
  launch.arguments = {input(problem, p.at.x), packed(0, weights.type), output(problem, 0)};
  launch.arguments.insert(launch.arguments.end(), parameters.arguments.begin(),
                          parameters.arguments.end());
  std::vector<Launch> launches = std::move(parameters.launches);
  launches.push_back(std::move(launch));
  return std::make_unique<LaunchedKernel>(std::move(launches), parameters.scratch_bytes,
                                          std::vector<PackedBuffer>{buffer, parameters.packed},
                                          parameters.packed_inputs | 1U << p.at.w);
}

double depthwise_seconds(const Problem& problem) {
  const ByteProduct p = product_of(problem);
  const double lines = static_cast<double>(p.window.taps()) / 3;
  return streaming_seconds(problem, 2.0 * static_cast<double>(p.y().size()) * (lines * 4 + 8));
}

const bool registered = [] {
  for (std::string_view op : {"QLinearConv", "ConvInteger"}) {
    ByteTileTactics<product_of, takes_tiles>::add(
        op, {"conv_bytes_units_few", "conv_bytes_units_few_whole", "conv_bytes_units",
             "conv_bytes_units_large", "conv_bytes_tiles"});
    register_tactic({op, "conv_bytes_direct", direct_applies, direct_seconds, make_direct});
    register_tactic(
        {op, "conv_bytes_depthwise", depthwise_applies, depthwise_seconds, make_depthwise});
    register_layout_rule(op, LayoutRule::channels_last);
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cuda
