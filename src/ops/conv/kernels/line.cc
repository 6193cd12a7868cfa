// One-dimensional convolution: row-major [N, C, L], copied to channels-last and back around the
// two-dimensional kernels with height 1.
#include "ops/conv/kernels/interchange.h"
#include "ops/conv/kernels/planned_conv.h"

namespace drawbar::cpu {
namespace {

std::optional<ConvEpilogue> epilogue(const Problem& problem) {
  return ConvEpilogue::plan(problem.op.as<ops::Conv>()->post, conv_extras(problem),
                            problem.outputs[0], true);
}

bool applies(const Problem& problem) {
  return problem.inputs[0].rank() == 3 &&
         has_conv_operands(problem, Layout::row_major, Layout::row_major) &&
         problem.inputs[1].constant && epilogue(problem);
}

std::unique_ptr<ConvKernel> best_kernel(const Problem& problem) {
  return std::move(conv_kernels(conv_shape(problem), problem.isa, problem.threads).front());
}

double seconds(const Problem& problem) {
  if (problem.outputs[0].size() == 0) return 0;
  const int64_t moved = problem.inputs[0].size() + problem.outputs[0].size();
  return best_kernel(problem)->estimate_seconds(problem.threads) + copy_seconds(moved * 8);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (y.size() == 0) return make_kernel([](const KernelRun&) {});
  PlannedConv conv(problem, best_kernel(problem), *epilogue(problem));
  const Interchange of_x(x.shape), of_y(y.shape);
  std::vector<size_t> residuals;  // inputs of y's shape, which the kernel reads channels-last
  for (size_t i = 3; i < problem.inputs.size(); ++i) {
    if (problem.inputs[i].shape == y.shape && !of_y.same()) residuals.push_back(i);
  }
  const int64_t floats =
      of_x.floats() + of_y.floats() * (1 + static_cast<int64_t>(residuals.size()));
  const auto scratch = static_cast<size_t>(floats * 4 + conv.scratch_bytes());
  const uint32_t packed = conv.packed_inputs();
  const auto executed = conv.executed_operations();
  return make_kernel(
      [=, conv = std::move(conv)](const KernelRun& run) {
        ConvPointers list;
        const std::span<const float* const> extras = conv_extra_pointers(run, list);
        auto* memory = static_cast<float*>(run.scratch);
        const float* from = run.in<float>(0);
        if (!of_x.same()) {
          of_x.channels_last(from, memory, run.pool);
          from = memory;
          memory += of_x.floats();
        }
        for (size_t i : residuals) {
          of_y.channels_last(run.in<float>(i), memory, run.pool);
          list[i - 3] = memory;
          memory += of_y.floats();
        }
        float* to = of_y.same() ? run.out<float>(0) : memory;
        conv.run(from, run, extras, to, memory + of_y.floats());
        if (!of_y.same()) of_y.channels_first(to, run.out<float>(0), run.pool);
      },
      scratch, packed, executed);
}

DRAWBAR_CPU_TACTIC(line, "Conv", "conv_line_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
