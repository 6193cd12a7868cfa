#include <array>

#include "ops/conv/kernels/epilogue.h"
#include "ops/conv_transpose/kernels/phases.h"
#include "ops/conv_transpose/op.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(ConvTranspose, channels_last);

TransposedShape transposed_shape(const Problem& problem) {
  const auto& op = *problem.op.as<ops::ConvTranspose>();
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const ops::Window3 window = ops::transposed_window(op, x.shape, problem.inputs[1].shape);
  return {.n = x.dim(0),
          .h = x.dim(2),
          .w = x.dim(3),
          .c = x.dim(1),
          .oh = y.dim(2),
          .ow = y.dim(3),
          .m = y.dim(1),
          .kh = window.kernel[1],
          .kw = window.kernel[2],
          .stride_h = window.stride[1],
          .stride_w = window.stride[2],
          .dilation_h = window.dilation[1],
          .dilation_w = window.dilation[2],
          .pad_top = window.pad[1],
          .pad_left = window.pad[2],
          .groups = op.group};
}

std::optional<ConvEpilogue> epilogue(const Problem& problem) {
  const std::span<const Operand> extras =
      problem.inputs.size() > 3 ? problem.inputs.subspan(3) : std::span<const Operand>();
  return ConvEpilogue::plan(problem.op.as<ops::ConvTranspose>()->post, extras, problem.outputs[0],
                            false, false);
}

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  if (x.rank() != 4 || x.type != ElementType::f32 || x.layout != Layout::channels_last ||
      y.layout != Layout::channels_last || !w.constant || w.size() == 0) {
    return false;
  }
  return epilogue(problem).has_value();
}

double seconds(const Problem& problem) {
  const double products = static_cast<double>(problem.inputs[0].size()) *
                          static_cast<double>(problem.inputs[1].size()) /
                          static_cast<double>(problem.inputs[1].dim(0));
  return products / 40e9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  if (problem.outputs[0].size() == 0) return make_kernel([](const KernelRun&) {});
  const TransposedShape shape = transposed_shape(problem);
  const std::string form = fmt::format(
      "conv_transpose {} m={} c={} k={}x{} groups={} stride={}x{} dilation={}x{} pad={}x{} y={}x{}",
      name(problem.isa), shape.m, shape.c, shape.kh, shape.kw, shape.groups, shape.stride_h,
      shape.stride_w, shape.dilation_h, shape.dilation_w, shape.pad_top, shape.pad_left,
      std::min(shape.oh, shape.stride_h), std::min(shape.ow, shape.stride_w));
  TransposedPhases phases(shape, problem.isa);
  const PackedConstants::Buffer packed = problem.packed.get(
      problem.inputs[1].constant, form, static_cast<size_t>(phases.packed_bytes()),
      [&](const Tensor& source, void* memory) {
        phases.pack(source.data<float>(), static_cast<float*>(memory));
      });
  const auto scratch = static_cast<size_t>(phases.scratch_bytes());
  const auto body = [shape, phases = std::move(phases), packed, scratch,
                     epilogue = *epilogue(problem)](const KernelRun& run) {
    std::array<const float*, ops::Program::most_inputs> list;
    const size_t extras = run.inputs.size() > 3 ? run.inputs.size() - 3 : 0;
    for (size_t i = 0; i < extras; ++i) list[i] = run.in<float>(i + 3);
    const std::span<const float* const> pointers(list.data(), extras);
    const float* bias = run.inputs.size() > 2 ? run.in<float>(2) : nullptr;
    float* y = run.out<float>(0);
    const auto finish = [&](int64_t pixel, int64_t count, int64_t step, int64_t column) {
      if (!epilogue.has_program()) return;
      epilogue.apply(pointers, y + pixel * shape.m + column, step * shape.m, pixel, column, count,
                     shape.m / shape.groups, step);
    };
    epilogue.with(bias, pointers, [&](Epilogue native) {
      native.hook = nullptr;
      run.pool.parallel_for(phases.chunks(), 1, [&](int64_t begin, int64_t end, int worker) {
        phases.run(run.in<float>(0), reinterpret_cast<const float*>(packed.get()), y, native,
                   finish,
                   static_cast<std::byte*>(run.scratch) + static_cast<size_t>(worker) * scratch,
                   begin, end);
      });
    });
  };
  return make_kernel(body, scratch * static_cast<size_t>(problem.threads), 1U << 1);
}

DRAWBAR_CPU_TACTIC(phases, "ConvTranspose", "conv_transpose_phases_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
