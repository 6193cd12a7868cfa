#include "ops/conv/kernels/planned_conv.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(Conv, channels_last);

std::unique_ptr<ConvKernel> planar_kernel(std::string_view name, const Problem& problem) {
  ConvShape shape = conv_shape(problem);
  shape.x_planar = problem.inputs[0].layout == Layout::row_major;
  return make_conv_kernel(name, shape, problem.isa);
}

/// Two-dimensional convolution by the kernel Way::kernel_name. Without a pixel igemm does nothing.
template <class Way>
struct Planar {
  static constexpr std::string_view kernel_name = Way::kernel_name;

  static std::unique_ptr<ConvKernel> kernel(const Problem& problem) {
    return planar_kernel(kernel_name, problem);
  }
  static std::optional<ConvEpilogue> epilogue(const Problem& problem) {
    return ConvEpilogue::plan(problem.op.as<ops::Conv>()->post, conv_extras(problem),
                              problem.outputs[0], false);
  }
  static bool applies(const Problem& problem) {
    const Layout x = problem.inputs[0].layout;
    if (problem.inputs[0].rank() != 4 || !has_conv_operands(problem, x, Layout::channels_last)) {
      return false;
    }
    if (problem.outputs[0].size() == 0) return kernel_name == "igemm" && x == Layout::channels_last;
    const bool packs_fast =
        kernel_name == "pointwise" || kernel_name == "igemm" || kernel_name == "grouped";
    if (!problem.inputs[1].constant && !packs_fast) return false;
    // The pointwise kernel does the same products without the taps' pointers.
    if (kernel_name == "igemm" && planar_kernel("pointwise", problem)) return false;
    return epilogue(problem) && kernel(problem);
  }
  static double seconds(const Problem& problem) {
    if (problem.outputs[0].size() == 0) return 0;
    return kernel(problem)->estimate_seconds(problem.threads);
  }
  static std::unique_ptr<Kernel> make(const Problem& problem) {
    if (problem.outputs[0].size() == 0) return make_kernel([](const KernelRun&) {});
    PlannedConv conv(problem, kernel(problem), *epilogue(problem));
    const auto scratch = static_cast<size_t>(conv.scratch_bytes());
    const uint32_t packed = conv.packed_inputs();
    const auto executed = conv.executed_operations();
    return make_kernel(
        [conv = std::move(conv)](const KernelRun& run) {
          ConvPointers list;
          conv.run(run.in<float>(0), run, conv_extra_pointers(run, list), run.out<float>(0),
                   run.scratch);
        },
        scratch, packed, executed);
  }
};

#define PLANAR(NAME)                                                                           \
  struct Way_##NAME {                                                                          \
    static constexpr std::string_view kernel_name = #NAME;                                     \
  };                                                                                           \
  DRAWBAR_CPU_TACTIC(planar_##NAME, .op = "Conv", .name = "conv_" #NAME "_f32",                \
                     .applies = Planar<Way_##NAME>::applies,                                   \
                     .seconds = Planar<Way_##NAME>::seconds, .make = Planar<Way_##NAME>::make, \
                     .writes_slices = true)
PLANAR(pointwise);
PLANAR(igemm);
PLANAR(row_merged);
PLANAR(depthwise);
PLANAR(winograd2);
PLANAR(winograd4);
PLANAR(winograd6);
PLANAR(winograd2_lean);
PLANAR(winograd4_lean);
PLANAR(winograd2_slices);
PLANAR(winograd4_slices);
PLANAR(winograd6_slices);
PLANAR(small_groups);
PLANAR(grouped);
#undef PLANAR

}  // namespace
}  // namespace drawbar::cpu
