#include <algorithm>

#include "ops/grid_sample/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool applies(const Problem& p) {
  const auto row_major = [](const Operand& o) { return o.layout == Layout::row_major; };
  return have_code_names(p) && is_real(p.inputs[0].type) && is_real(p.inputs[1].type) &&
         row_major(p.inputs[0]) && row_major(p.inputs[1]) && row_major(p.outputs[0]);
}

double seconds(const Problem& p) {
  const double taps[] = {1, 2, 4};
  double operations = 2 * static_cast<double>(p.outputs[0].size());
  for (int64_t i = 2; i < p.inputs[0].rank(); ++i)
    operations *= taps[static_cast<size_t>(p.op.as<ops::GridSample>()->mode)];
  return streaming_seconds(p, operations);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const auto& op = *p.op.as<ops::GridSample>();
  const Operand &x = p.inputs[0], &grid = p.inputs[1], &y = p.outputs[0];
  const std::string_view mode = EnumNames<ops::SampleMode>::names[static_cast<size_t>(op.mode)];
  const std::string_view padding =
      EnumNames<ops::SamplePadding>::names[static_cast<size_t>(op.padding)];
  const Shape strides = x.strides();
  std::string axes;
  for (size_t i = x.shape.size(); i-- > 2;)
    axes += fmt::format(", grid_sample::Axis<{}, {}>", x.shape[i], strides[i]);
  const int64_t channels = x.dim(1), outputs = y.size() / y.dim(0) / channels;
  // Channels share the taps, where enough threads remain to fill the device.
  const int64_t positions = y.dim(0) * outputs, threads = int64_t{1024} * p.gpu.multiprocessors;
  int64_t group = 1;
  while (group < 8 && group < channels && positions * channels / (2 * group) >= threads) group *= 2;
  const int64_t items = positions * ((channels + group - 1) / group);
  Launch launch;
  launch.file = "ops/grid_sample/cuda_sample.cuh";
  launch.call = fmt::format(
      "grid_sample::positions<{}, {}, grid_sample::Options<grid_sample::Mode::{}, "
      "grid_sample::Padding::{}, {}>, {}, {}, {}, {}, {}, {}{}>",
      code_name(x.type), code_name(grid.type), mode, padding, op.align_corners, outputs, channels,
      group, strides[0], strides[1], items, axes);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input(p, 0), input(p, 1), output(p, 0)};
  return make_kernel(std::move(launch));
}

/// The sizes are those of the grid.
bool affine_applies(const Problem& p) {
  const Operand &theta = p.inputs[0], &y = p.outputs[0];
  return theta.present && is_real(theta.type) && theta.type == y.type && theta.rank() == 3 &&
         theta.layout == Layout::row_major && y.layout == Layout::row_major &&
         y.rank() == theta.dim(1) + 2 && y.dim(0) == theta.dim(0);
}

double affine_seconds(const Problem& p) {
  return streaming_seconds(p, 8 * static_cast<double>(p.outputs[0].size()));
}

std::unique_ptr<Kernel> make_affine(const Problem& p) {
  const Operand& y = p.outputs[0];
  std::string sizes;
  for (size_t i = y.shape.size() - 1; i-- > 1;) sizes += fmt::format(", {}", y.shape[i]);
  const int64_t items = y.size() / y.shape.back();
  Launch launch;
  launch.file = "ops/grid_sample/cuda_sample.cuh";
  launch.call = fmt::format("grid_sample::affine<{}, {}, {}{}>", code_name(y.type),
                            p.op.as<ops::AffineGrid>()->align_corners, items, sizes);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input(p, 0), output(p, 0)};
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(affine_grid, .op = "AffineGrid", .name = "positions", .applies = affine_applies,
                    .seconds = affine_seconds, .make = make_affine);
DRAWBAR_CUDA_TACTIC(grid_sample, .op = "GridSample", .name = "positions", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda
