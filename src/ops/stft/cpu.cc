#include <algorithm>

#include "ops/dft/kernels/fourier_lines.h"
#include "ops/stft/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t piece = 1 << 13;  // points worth a thread's visit

bool present(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

bool applies(const Problem& problem) {
  const ElementType type = problem.inputs[0].type;
  return (type == ElementType::f32 || type == ElementType::f64) && problem.inputs[1].constant &&
         (!present(problem, 3) || problem.inputs[3].constant);
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.outputs[0].size()) * 4e-9 / problem.threads;
}

template <class T>
std::unique_ptr<Kernel> make_typed(const Problem& problem, const ops::StftSizes& s) {
  const FourierForm form{.length = s.length,
                         .complex_in = s.parts == 2,
                         .half_out = problem.op.as<ops::Stft>()->onesided,
                         .given = s.length};
  const LineStrides from{s.parts, s.step * s.parts}, to{2, s.points * 2};
  const int64_t share =
      s.batch == 1 ? (s.frames + problem.threads - 1) / problem.threads : s.frames;
  const auto lines = std::make_shared<const FourierLines<T>>(form, share, problem.isa);
  const int64_t at_once = lines->lines_at_once(), groups = (s.frames + at_once - 1) / at_once;
  const int64_t grain = std::max<int64_t>(1, piece / (at_once * s.length));
  const size_t scratch = lines->scratch_bytes();
  const bool windowed = present(problem, 2);
  return make_kernel(
      [=](const KernelRun& run) {
        const T* window = windowed ? run.in<T>(2) : nullptr;
        run.pool.parallel_for(s.batch * groups, grain, [&](int64_t begin, int64_t end, int worker) {
          auto* memory =
              static_cast<std::byte*>(run.scratch) + static_cast<size_t>(worker) * scratch;
          for (int64_t i = begin; i < end; ++i) {
            const int64_t block = i / groups, first = i % groups * at_once;
            lines->run(run.in<T>(0) + block * s.samples * s.parts + first * from.line, from, window,
                       run.out<T>(0) + (block * s.frames + first) * to.line, to,
                       std::min(at_once, s.frames - first), memory);
          }
        });
      },
      scratch * static_cast<size_t>(problem.threads));
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const ops::StftSizes sizes =
      ops::stft_sizes(*problem.op.as<ops::Stft>(), problem.inputs[0].shape,
                      read_integer(problem.inputs[1].constant->tensor(), 0),
                      present(problem, 2) ? &problem.inputs[2].shape : nullptr,
                      present(problem, 3) ? &problem.inputs[3].constant->tensor() : nullptr);
  if (problem.outputs[0].size() == 0) return make_kernel([](const KernelRun&) {});
  return problem.inputs[0].type == ElementType::f32 ? make_typed<float>(problem, sizes)
                                                    : make_typed<double>(problem, sizes);
}

DRAWBAR_CPU_TACTIC(fourier, .op = "STFT", .name = "fft", .applies = applies, .seconds = seconds,
                   .make = make);

}  // namespace
}  // namespace drawbar::cpu
