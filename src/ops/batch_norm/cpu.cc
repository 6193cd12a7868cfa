#include <cmath>

#include "ops/batch_norm/op.h"
#include "ops/batch_norm/kernels/scale_shift.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(BatchNorm, any);

bool applies(const Problem& problem) {
  if (problem.op.as<ops::BatchNorm>()->training) return false;
  for (const Operand& input : problem.inputs) {
    if (input.type != ElementType::f32) return false;
  }
  return problem.inputs[0].rank() >= 2 && problem.inputs[0].layout == problem.outputs[0].layout;
}

double seconds(const Problem& problem) {
  return static_cast<double>(problem.inputs[0].size()) * 8 / 10e9 / problem.threads;
}

/// Writes the factor and shift of every channel.
void fold(const KernelRun& run, float epsilon, int64_t channels, float* factor, float* shift) {
  const float *scale = run.in<float>(1), *b = run.in<float>(2), *mean = run.in<float>(3),
              *var = run.in<float>(4);
  for (int64_t c = 0; c < channels; ++c) {
    const double f = static_cast<double>(scale[c]) /
                     std::sqrt(static_cast<double>(var[c]) + static_cast<double>(epsilon));
    factor[c] = static_cast<float>(f);
    shift[c] = static_cast<float>(static_cast<double>(b[c]) - static_cast<double>(mean[c]) * f);
  }
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const float epsilon = problem.op.as<ops::BatchNorm>()->epsilon;
  const Operand& x = problem.inputs[0];
  const bool last = x.layout == Layout::channels_last || x.rank() == 2;
  const int64_t channels = x.dim(1), planes = x.dim(0) * channels;
  const int64_t length = planes == 0 ? 0 : x.size() / planes;
  return make_kernel(
      [=](const KernelRun& run) {
        auto* factor = static_cast<float*>(run.scratch);
        float* shift = factor + channels;
        fold(run, epsilon, channels, factor, shift);
        const float* from = run.in<float>(0);
        float* to = run.out<float>(0);
        const int64_t items = last ? planes / std::max<int64_t>(channels, 1) * length : planes;
        const int64_t item = last ? channels : length;
        run.pool.parallel_for(items, 1 + 8192 / (item + 1), [&](int64_t begin, int64_t end, int) {
          if (last) {
            return scale_shift_columns(from + begin * item, factor, shift, end - begin, item,
                                       to + begin * item);
          }
          for (int64_t i = begin; i < end; ++i) {
            const int64_t c = i % channels;
            scale_shift_line(from + i * length, factor[c], shift[c], length, to + i * length);
          }
        });
      },
      static_cast<size_t>(channels) * 2 * sizeof(float));
}

DRAWBAR_CPU_TACTIC(scale_shift, .op = "BatchNorm", .name = "scale_shift_f32", .applies = applies,
                   .seconds = seconds, .make = make, .in_place = 0);

}  // namespace
}  // namespace drawbar::cpu
