#include <algorithm>

#include "ops/dft/kernels/fourier_lines.h"
#include "ops/dft/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t piece = 1 << 13;  // points worth a thread's visit

bool applies(const Problem& problem) {
  const ElementType type = problem.inputs[0].type;
  if (type != ElementType::f32 && type != ElementType::f64) return false;
  return std::all_of(problem.inputs.begin() + 1, problem.inputs.end(),
                     [](const Operand& o) { return !o.present || o.constant; });
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.outputs[0].size()) * 4e-9 / problem.threads;
}

template <class T>
std::unique_ptr<Kernel> make_typed(const Problem& problem, const ops::DftSizes& s) {
  const auto& op = *problem.op.as<ops::Dft>();
  FourierForm form{.length = s.length,
                   .inverse = op.inverse,
                   .complex_in = s.parts == 2,
                   .half_in = op.inverse && op.onesided,
                   .half_out = op.onesided && !op.inverse};
  form.given = std::min(s.given, form.points_in());
  // Lines are taken together where they lie side by side, or one behind the other.
  const int64_t count = s.inner == 1 ? s.outer : s.inner, blocks = s.inner == 1 ? 1 : s.outer;
  const int64_t parts_out = form.half_in ? 1 : 2;
  const LineStrides from{s.inner * s.parts, s.inner == 1 ? s.given * s.parts : s.parts};
  const LineStrides to{s.inner * parts_out, s.inner == 1 ? s.points * parts_out : parts_out};
  const int64_t from_block = s.given * s.inner * s.parts, to_block = s.points * s.inner * parts_out;
  const int64_t share = blocks == 1 ? (count + problem.threads - 1) / problem.threads : count;
  const auto lines = std::make_shared<const FourierLines<T>>(form, share, problem.isa);
  const int64_t at_once = lines->lines_at_once(), groups = (count + at_once - 1) / at_once;
  const int64_t grain = std::max<int64_t>(1, piece / (at_once * s.length));
  const size_t scratch = lines->scratch_bytes();
  return make_kernel(
      [=](const KernelRun& run) {
        run.pool.parallel_for(blocks * groups, grain, [&](int64_t begin, int64_t end, int worker) {
          auto* memory =
              static_cast<std::byte*>(run.scratch) + static_cast<size_t>(worker) * scratch;
          for (int64_t i = begin; i < end; ++i) {
            const int64_t block = i / groups, first = i % groups * at_once;
            lines->run(run.in<T>(0) + block * from_block + first * from.line, from, nullptr,
                       run.out<T>(0) + block * to_block + first * to.line, to,
                       std::min(at_once, count - first), memory);
          }
        });
      },
      scratch * static_cast<size_t>(problem.threads));
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto constant = [&](size_t i) -> const Tensor* {
    return i < problem.inputs.size() && problem.inputs[i].present
               ? &problem.inputs[i].constant->tensor()
               : nullptr;
  };
  const Operand& x = problem.inputs[0];
  const ops::DftSizes sizes =
      ops::dft_sizes(*problem.op.as<ops::Dft>(), x.shape, constant(1), constant(2));
  if (problem.outputs[0].size() == 0) return make_kernel([](const KernelRun&) {});
  if (sizes.length == 0) {  // the point 0 of no points
    const auto bytes = static_cast<size_t>(storage_bytes(x.type, problem.outputs[0].size()));
    return make_kernel([=](const KernelRun& run) { std::fill_n(run.out<char>(0), bytes, 0); });
  }
  return x.type == ElementType::f32 ? make_typed<float>(problem, sizes)
                                    : make_typed<double>(problem, sizes);
}

DRAWBAR_CPU_TACTIC(fourier, .op = "DFT", .name = "fft", .applies = applies, .seconds = seconds,
                   .make = make);

}  // namespace
}  // namespace drawbar::cpu
