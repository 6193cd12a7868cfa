#include "ops/interleave/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Interleave;

bool copies(const Problem& p) {
  const auto& op = *p.op.as<Interleave>();
  return all_copyable(p.inputs, p.outputs[0]) && op.first + op.count <= p.inputs[0].dim(1);
}

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()),
                      static_cast<int64_t>(p.inputs.size()));
}

std::unique_ptr<Kernel> make_copies(const Problem& p) {
  const Shape strides = p.outputs[0].strides();
  auto kernel = std::make_unique<CopyKernel>();
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const Operand& x = p.inputs[i];
    kernel->add(ops::interleave_copy(*p.op.as<Interleave>(), static_cast<int64_t>(p.inputs.size()),
                                     static_cast<int64_t>(i), x.shape, x.strides(), strides),
                x.type, i, 0);
  }
  return kernel;
}

/// Two channels-last inputs, pixel by pixel: read once, written once.
bool pairs(const Problem& p) {
  const auto last = [](const Operand& operand) { return operand.layout == Layout::channels_last; };
  return copies(p) && p.inputs.size() == 2 && bits(p.inputs[0].type) <= 64 && last(p.inputs[0]) &&
         last(p.inputs[1]) && last(p.outputs[0]);
}

double pair_seconds(const Problem& p) { return seconds(p) / 2; }

std::unique_ptr<Kernel> make_pairs(const Problem& p) {
  constexpr int64_t piece_bytes = 64 << 10;
  const auto& op = *p.op.as<Interleave>();
  const Operand& x = p.inputs[0];
  const int64_t element = bits(x.type) / 8, channels = x.dim(1), first = op.first, count = op.count;
  const int64_t pixels = channels == 0 ? 0 : x.size() / channels;
  const int64_t grain = 1 + piece_bytes / (2 * count * element + 1);
  const InterleaveLoop loop = interleave_loop(element);
  return make_kernel([=](const KernelRun& run) {
    const auto *a = run.in<std::byte>(0), *b = run.in<std::byte>(1);
    const int64_t apart = (b - a) / element;  // memory of values is 64-byte aligned
    run.pool.parallel_for(pixels, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t pixel = begin; pixel < end; ++pixel) {
        loop(a + (pixel * channels + first) * element, apart,
             run.out<std::byte>(0) + pixel * 2 * count * element, 2, count);
      }
    });
  });
}

}  // namespace

DRAWBAR_CPU_LAYOUT(Interleave, any);
DRAWBAR_CPU_TACTIC(interleave_copies, .op = "Interleave", .name = "copy", .applies = copies,
                   .seconds = seconds, .make = make_copies);
DRAWBAR_CPU_TACTIC(interleave_pairs, .op = "Interleave", .name = "interleave_channels_last",
                   .applies = pairs, .seconds = pair_seconds, .make = make_pairs);

}  // namespace drawbar::cpu
