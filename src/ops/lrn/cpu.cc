#include "ops/lrn/kernels/normalise.h"
#include "ops/lrn/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(LRN, channels_last);

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  return x.rank() == 4 && x.type == ElementType::f32 && x.layout == Layout::channels_last &&
         y.layout == Layout::channels_last && problem.op.as<ops::Lrn>()->size < 1 << 16;
}

double seconds(const Problem& problem) {
  return static_cast<double>(problem.inputs[0].size()) * 8 / 5e9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const ops::Lrn op = *problem.op.as<ops::Lrn>();
  const Operand& x = problem.inputs[0];
  const int64_t c = x.dim(1), pixels = x.dim(0) * x.dim(2) * x.dim(3);
  const int64_t floats = (c + op.size + 15) / 16 * 16;
  return make_kernel(
      [=](const KernelRun& run) {
        run.pool.parallel_for(pixels, 16, [&](int64_t begin, int64_t end, int worker) {
          float* squares = static_cast<float*>(run.scratch) + worker * floats;
          for (int64_t p = begin; p < end; ++p) {
            normalise_responses(run.in<float>(0) + p * c, c, op.size, (op.size - 1) / 2, op.bias,
                                op.alpha / static_cast<float>(op.size), op.beta, squares,
                                run.out<float>(0) + p * c);
          }
        });
      },
      static_cast<size_t>(floats * problem.threads) * sizeof(float));
}

DRAWBAR_CPU_TACTIC(channels_last, "LRN", "lrn_channels_last_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
