#include <algorithm>

#include "ops/cast/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool same_layout(const Problem& p) {
  return p.inputs[0].present && p.inputs[0].layout == p.outputs[0].layout;
}

/// Device code saturates f8.
bool converts(const Problem& p) {
  const auto* cast = p.op.as<ops::Cast>();
  const bool overflows = cast && cast->to == ElementType::f8e4m3fn && !cast->saturate;
  return have_code_names(p) && same_layout(p) && !overflows;
}

/// Casts to the same type, and bits under another one.
bool only_moves(const Problem& p) {
  const ElementType from = p.inputs[0].type, to = p.outputs[0].type;
  const bool same_bits = p.op.as<ops::BitCast>() ? bits(from) == bits(to) : from == to;
  return same_layout(p) && is_copyable(from) && is_copyable(to) && same_bits;
}

double seconds(const Problem& p) { return streaming_seconds(p); }

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const int64_t width = 16 / std::max<int64_t>({bits(x.type) / 8, bits(y.type) / 8, 2});
  Launch launch;
  launch.file = "ops/cast/cuda_convert.cuh";
  launch.call = fmt::format("cast::elements<{}, {}, {}, {}>", code_name(x.type), code_name(y.type),
                            width, y.size());
  launch.grid = blocks_for((y.size() + width - 1) / width, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input(p, 0), output(p, 0)};
  return make_kernel(std::move(launch));
}

std::unique_ptr<Kernel> make_move(const Problem& p) {
  const Shape shape = {p.outputs[0].size()};
  CopyPlan plan;
  plan.add({shape, {1}, {1}}, p.outputs[0].type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(Cast, any);
DRAWBAR_CUDA_TACTIC(cast, .op = "Cast", .name = "convert", .applies = converts, .seconds = seconds,
                    .make = make);
DRAWBAR_CUDA_TACTIC(cast_move, .op = "Cast", .name = "move", .applies = only_moves,
                    .seconds = seconds, .make = make_move);
DRAWBAR_CUDA_TACTIC(bit_cast, .op = "BitCast", .name = "move", .applies = only_moves,
                    .seconds = seconds, .make = make_move);

}  // namespace
}  // namespace drawbar::cuda
