#include <array>

#include "ops/movement/cuda_copy.h"
#include "ops/sequence_order/op.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool applies(const Problem& p) {
  const Operand &x = p.inputs[0], &lengths = p.inputs[1], &y = p.outputs[0];
  return all_copyable(p.inputs.first(1), y) && x.layout == Layout::row_major &&
         y.layout == Layout::row_major && x.rank() >= 2 &&
         (lengths.type == ElementType::i64 || lengths.type == ElementType::i32);
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& x = p.inputs[0];
  const auto& op = *p.op.as<ops::ReverseSequence>();
  const int64_t batch = x.dim(op.batch_axis), steps = x.dim(op.time_axis);
  const int64_t inner = x.size() / (batch * steps);
  const int64_t width = widening(bits(x.type) / 8, std::array{inner}), items = x.size() / width;
  Launch launch;
  launch.file = "ops/sequence_order/cuda_reverse.cuh";
  launch.call = fmt::format("sequence_order::reverse<{}, {}, {}, {}, {}, {}, {}>",
                            bits(x.type) / 8 * width, code_name(p.inputs[1].type),
                            op.batch_axis == 0, batch, steps, inner / width, items);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input_bytes(0), input(p, 1), output_bytes(0)};
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(reverse_sequence, .op = "ReverseSequence", .name = "rows", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda
