#include <algorithm>

#include "ops/rotary_embedding/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

using ops::RotaryEmbedding;
using ops::RotarySizes;

constexpr int64_t block_threads = 256;

bool has_positions(const Problem& problem) {
  return problem.inputs.size() > RotaryEmbedding::positions &&
         problem.inputs[RotaryEmbedding::positions].present;
}

RotarySizes sizes_of(const Problem& problem) {
  const auto& in = problem.inputs;
  return ops::rotary_sizes(
      *problem.op.as<RotaryEmbedding>(), in[RotaryEmbedding::x].shape,
      in[RotaryEmbedding::cos].shape,
      has_positions(problem) ? &in[RotaryEmbedding::positions].shape : nullptr);
}

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && operand.layout != Layout::row_major) return false;
    }
  }
  return is_real(problem.inputs[0].type) && problem.inputs[0].dim(3) < int64_t{1} << 30;
}

double seconds(const Problem& problem) { return streaming_seconds(problem); }

/// The largest power of two up to `most` that divides `size`.
int64_t divisor(int64_t size, int64_t most) {
  while (size % most != 0) most /= 2;
  return most;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<RotaryEmbedding>();
  const RotarySizes sizes = sizes_of(problem);
  const int64_t most = 16 / (bits(problem.inputs[0].type) / 8);
  const int64_t rest = sizes.size - 2 * sizes.half;
  const int64_t width = divisor(sizes.half, op.interleaved ? most / 2 : most);
  const int64_t stay = rest == 0 ? 1 : divisor(rest, divisor(2 * sizes.half, most));
  const int64_t items = sizes.batch * sizes.heads * sizes.rows * (sizes.half / width + rest / stay);
  const char* positions = sizes.positions == RotarySizes::Positions::none    ? "none"
                          : sizes.positions == RotarySizes::Positions::first ? "first"
                                                                             : "each";
  Launch launch;
  launch.file = "ops/rotary_embedding/cuda_rotate.cuh";
  launch.call = fmt::format(
      "rotary_embedding::rotate<{}, {}, {}, {}, {}, {}, {}, rotary_embedding::Positions::{}, {}, "
      "{}, {}>",
      sizes.batch, sizes.heads, sizes.rows, sizes.size, sizes.half, op.heads_last, op.interleaved,
      positions, sizes.cached, width, stay);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {
      input(problem, RotaryEmbedding::x), input(problem, RotaryEmbedding::cos),
      input(problem, RotaryEmbedding::sin),
      input(problem, has_positions(problem) ? RotaryEmbedding::positions : RotaryEmbedding::x),
      output(problem, 0)};
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(rotary_embedding, .op = "RotaryEmbedding", .name = "rotary_embedding",
                    .applies = applies, .seconds = seconds, .make = make, .in_place = 0);

}  // namespace
}  // namespace drawbar::cuda
