#include <bit>

#include "ops/roi_align/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool sizes_fit(const Operand& x) { return x.dim(2) < 1 << 30 && x.dim(3) < 1 << 30; }

bool average_applies(const Problem& p) {
  return have_code_names(p) && is_real(p.inputs[0].type) && p.inputs[1].type == p.inputs[0].type &&
         p.inputs[2].type == ElementType::i64 && sizes_fit(p.inputs[0]);
}

bool maximum_applies(const Problem& p) {
  return have_code_names(p) && is_real(p.inputs[0].type) && p.inputs[1].type == p.inputs[0].type &&
         sizes_fit(p.inputs[0]);
}

std::string strides_text(const Operand& operand) {
  const Shape strides = operand.strides();
  return fmt::format("roi_align::Strides<{}, {}, {}, {}>", strides[0], strides[1], strides[2],
                     strides[3]);
}

/// Neighbouring threads compute neighbouring elements of y.
std::unique_ptr<Kernel> kernel_of(const Problem& p, std::string_view function,
                                  const std::string& options) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  Launch launch;
  launch.file = "ops/roi_align/cuda_bins.cuh";
  launch.call = fmt::format("roi_align::{}<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}>", function,
                            code_name(x.type), options, strides_text(x), strides_text(y),
                            y.layout == Layout::channels_last, x.dim(0), x.dim(1), x.dim(2),
                            x.dim(3), y.size());
  launch.grid = blocks_for(y.size(), block_threads);
  launch.block.x = block_threads;
  for (size_t i = 0; i < p.inputs.size(); ++i) launch.arguments.push_back(input(p, i));
  launch.arguments.push_back(output(p, 0));
  return make_kernel(std::move(launch));
}

std::unique_ptr<Kernel> make_average(const Problem& p) {
  const auto& op = *p.op.as<ops::RoiAlign>();
  return kernel_of(p, "average",
                   fmt::format("roi_align::Options<{}, {}, {}, {}, {}, {}u>", op.output_height,
                               op.output_width, op.sampling_ratio, op.half_pixel, op.maximum,
                               std::bit_cast<uint32_t>(op.spatial_scale)));
}

std::unique_ptr<Kernel> make_maximum(const Problem& p) {
  const auto& op = *p.op.as<ops::MaxRoiPool>();
  return kernel_of(p, "maximum",
                   fmt::format("roi_align::Options<{}, {}, 0, false, true, {}u>", op.output_height,
                               op.output_width, std::bit_cast<uint32_t>(op.spatial_scale)));
}

double average_seconds(const Problem& p) {
  const auto samples =
      static_cast<double>(std::max<int64_t>(2, p.op.as<ops::RoiAlign>()->sampling_ratio));
  return streaming_seconds(p, 40 * samples * samples * static_cast<double>(p.outputs[0].size()));
}

double maximum_seconds(const Problem& p) {
  return streaming_seconds(p, 100 * static_cast<double>(p.outputs[0].size()));
}

DRAWBAR_CUDA_LAYOUT(RoiAlign, any);
DRAWBAR_CUDA_LAYOUT(MaxRoiPool, any);
DRAWBAR_CUDA_TACTIC(roi_align, .op = "RoiAlign", .name = "bins", .applies = average_applies,
                    .seconds = average_seconds, .make = make_average);
DRAWBAR_CUDA_TACTIC(max_roi_pool, .op = "MaxRoiPool", .name = "bins", .applies = maximum_applies,
                    .seconds = maximum_seconds, .make = make_maximum);

}  // namespace
}  // namespace drawbar::cuda
