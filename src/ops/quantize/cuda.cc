#include <algorithm>
#include <limits>

#include "ops/movement/cuda_copy.h"
#include "ops/quantize/op.h"

// Quantisation as it streams through: a thread takes neighbours of memory in vectors, and a scale
// for all of them where one holds.

namespace drawbar::cuda {
namespace {

using ops::DequantizeLinear;
using ops::DynamicQuantizeLinear;
using ops::QuantizeLinear;
using ops::ScaleMap;

constexpr int64_t block_threads = 256, range_blocks = 256;
constexpr std::string_view file = "ops/quantize/cuda_lines.cuh";

/// An integer of 8 or 16 bits.
bool is_short(ElementType type) {
  return is_integer(type) && (bits(type) == 8 || bits(type) == 16);
}

bool is_scale(ElementType type) { return type == ElementType::f32 || is_half(type); }

bool is_f8(ElementType type) { return type == ElementType::f8e4m3fn; }

/// Those of f8 are 0.
bool has_zero(const Problem& problem) {
  return problem.inputs.size() > 2 && problem.inputs[2].present && !is_f8(problem.inputs[2].type);
}

bool row_major(const Problem& problem) {
  return problem.inputs[0].layout == Layout::row_major &&
         problem.outputs[0].layout == Layout::row_major;
}

/// In any order where one scale holds for all or for each channel.
bool scales_apply(const Problem& problem, int64_t axis) {
  const Operand &x = problem.inputs[0], &scale = problem.inputs[1];
  for (size_t i = 1; i < problem.inputs.size(); ++i) {
    if (problem.inputs[i].layout != Layout::row_major) return false;
  }
  if (!is_scale(scale.type) || problem.outputs[0].pitch != 0) return false;
  if (row_major(problem)) return true;
  const bool of_channels = scale.rank() == 1 && (axis < 0 ? axis + x.rank() : axis) == 1;
  return x.layout == problem.outputs[0].layout && (scale.size() == 1 || of_channels);
}

/// The scales along the elements as they lie in memory.
ScaleMap map_of(const Problem& problem, int64_t axis, int64_t block_size) {
  const Operand &x = problem.inputs[0], &scale = problem.inputs[1];
  if (row_major(problem)) return ops::scale_map(x.shape, scale.shape, axis, block_size);
  if (scale.size() == 1) return {.inner = x.size()};
  return {.outer = x.size() / x.dim(1), .axis = x.dim(1), .scale_axis = 1};
}

std::string scales_code(const Problem& problem, int64_t axis, int64_t block_size,
                        std::string_view index) {
  const ScaleMap map = map_of(problem, axis, block_size);
  const int64_t block = std::min(map.block, std::max<int64_t>(map.axis, 1));
  return fmt::format("quantize::Scales<{}, {}, {}, {}, {}, {}, {}>", index, map.axis, map.inner,
                     block, map.scale_outer, map.scale_axis, map.scale_inner);
}

/// Elements of a thread's vector: as many as 16 bytes hold of the wider type.
int64_t width_of(const Problem& problem) {
  const ElementType x = problem.inputs[0].type, y = problem.outputs[0].type;
  int64_t width = 16 / std::max<int64_t>(bits(x) / 8, bits(y) / 8);
  while (problem.inputs[0].size() % width != 0) width /= 2;
  return width;
}

/// Vectors of a thread: some where there are enough for all multiprocessors.
int64_t run_of(int64_t vectors, const GpuInfo& gpu) {
  return vectors >= int64_t{gpu.multiprocessors} * 2048 * 4 ? 4 : 1;
}

/// A launch of "quantize::name<Index, Scales, …>" over all of x; `more` is what the kernel has
/// besides.
std::unique_ptr<Kernel> make_lines(const Problem& problem, std::string_view name, int64_t axis,
                                   int64_t block_size, std::string_view more) {
  const int64_t size = problem.inputs[0].size(), width = width_of(problem);
  const int64_t run = run_of(size / width, problem.gpu);
  const std::string_view index = index_type(size);
  Launch launch;
  launch.file = file;
  launch.call = fmt::format("quantize::{}<{}, {}, {}{}, {}, {}, {}, {}>", name, index,
                            scales_code(problem, axis, block_size, index), more, has_zero(problem),
                            size, width, run, block_threads);
  launch.grid = blocks_for(size / width, block_threads * run);
  launch.block.x = block_threads;
  launch.arguments = {input(problem, 0), input(problem, 1),
                      input(problem, has_zero(problem) ? 2 : 1), output(problem, 0)};
  return make_kernel(std::move(launch));
}

bool quantize_applies(const Problem& problem) {
  const auto& op = *problem.op.as<QuantizeLinear>();
  const ElementType x = problem.inputs[0].type;
  const bool takes_to = is_short(op.to) || (is_f8(op.to) && op.saturate);
  return (is_real(x) || x == ElementType::i32) && takes_to && is_scale(op.precision) &&
         scales_apply(problem, op.axis);
}

std::unique_ptr<Kernel> make_quantize(const Problem& problem) {
  const auto& op = *problem.op.as<QuantizeLinear>();
  return make_lines(problem, "quantize", op.axis, op.block_size,
                    fmt::format("{}, ", code_name(op.precision)));
}

bool dequantize_applies(const Problem& problem) {
  const auto& op = *problem.op.as<DequantizeLinear>();
  const ElementType x = problem.inputs[0].type;
  return (is_short(x) || is_f8(x) || x == ElementType::i32) && scales_apply(problem, op.axis);
}

std::unique_ptr<Kernel> make_dequantize(const Problem& problem) {
  const auto& op = *problem.op.as<DequantizeLinear>();
  return make_lines(problem, "dequantize", op.axis, op.block_size, "");
}

double seconds(const Problem& problem) {
  return streaming_seconds(problem, 20.0 * static_cast<double>(problem.inputs[0].size()));
}

bool dynamic_applies(const Problem& problem) {
  if (problem.inputs[0].layout != problem.outputs[0].layout) return false;
  for (const Operand& y : problem.outputs) {
    if (!y.present || y.pitch != 0) return false;
  }
  return problem.outputs.size() == 3;
}

/// Blocks find their ranges; then every block finds the range of those, and quantises.
std::unique_ptr<Kernel> make_dynamic(const Problem& problem) {
  const int64_t size = problem.inputs[0].size(), width = size % 4 == 0 ? 4 : 1;
  const int64_t run = run_of(size / width, problem.gpu);
  Launch ranges;
  ranges.file = file;
  ranges.grid.x = std::min(blocks_for(size / width, block_threads).x, range_blocks);
  ranges.block.x = block_threads;
  ranges.synchronises = true;
  ranges.call = fmt::format("quantize::ranges<{}, {}>", size, block_threads);
  ranges.arguments = {input(problem, 0), scratch(0, ElementType::f32)};
  Launch quantize = ranges;
  quantize.grid = blocks_for(size / width, block_threads * run);
  quantize.call = fmt::format("quantize::quantize_range<{}, {}, {}, {}>", size, ranges.grid.x, run,
                              block_threads);
  for (size_t i = 0; i < 3; ++i) quantize.arguments.push_back(output(problem, i));
  const auto bytes = static_cast<size_t>(ranges.grid.x) * 2 * sizeof(float);
  std::vector<Launch> launches;
  launches.push_back(std::move(ranges));
  launches.push_back(std::move(quantize));
  return std::make_unique<LaunchedKernel>(std::move(launches), bytes);
}

constexpr int64_t alone_threads = 512, most_alone = int64_t{1} << 18;

bool alone_applies(const Problem& problem) {
  return dynamic_applies(problem) && problem.inputs[0].size() <= most_alone;
}

std::unique_ptr<Kernel> make_alone(const Problem& problem) {
  Launch launch;
  launch.file = file;
  launch.call = fmt::format("quantize::quantize_range_alone<{}, {}>", problem.inputs[0].size(),
                            alone_threads);
  launch.block.x = alone_threads;
  launch.synchronises = true;
  launch.arguments = {input(problem, 0)};
  for (size_t i = 0; i < 3; ++i) launch.arguments.push_back(output(problem, i));
  return make_kernel(std::move(launch));
}

/// One multiprocessor reads x twice.
double alone_seconds(const Problem& problem) {
  const double bytes = 8.0 * static_cast<double>(problem.inputs[0].size());
  return problem.gpu.launch_seconds + 1e-6 +
         bytes / (2 * problem.gpu.bandwidth / problem.gpu.multiprocessors);
}

double dynamic_seconds(const Problem& problem) {
  return seconds(problem) + problem.gpu.launch_seconds + 1e-6 +
         static_cast<double>(problem.inputs[0].size()) * 4 / problem.gpu.bandwidth;
}

DRAWBAR_CUDA_TACTIC(quantize, "QuantizeLinear", "quantize", quantize_applies, seconds,
                    make_quantize);
DRAWBAR_CUDA_TACTIC(dequantize, "DequantizeLinear", "dequantize", dequantize_applies, seconds,
                    make_dequantize);
DRAWBAR_CUDA_TACTIC(dynamic_quantize, "DynamicQuantizeLinear", "dynamic_quantize", dynamic_applies,
                    dynamic_seconds, make_dynamic);
DRAWBAR_CUDA_TACTIC(dynamic_alone, "DynamicQuantizeLinear", "dynamic_quantize_one_block",
                    alone_applies, alone_seconds, make_alone);
DRAWBAR_CUDA_LAYOUT(QuantizeLinear, any);
DRAWBAR_CUDA_LAYOUT(DequantizeLinear, any);
DRAWBAR_CUDA_LAYOUT(DynamicQuantizeLinear, any);

}  // namespace
}  // namespace drawbar::cuda
