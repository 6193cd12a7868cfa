#include "ops/conv/kernels/planned_conv.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(Conv, channels_last);

constexpr std::array kernel_names = {"pointwise",      "igemm",     "row_merged", "depthwise",
                                     "winograd2",      "winograd4", "winograd6",  "winograd2_lean",
                                     "winograd4_lean", "grouped"};

/// Two-dimensional convolution by one of the kernels. Without a pixel igemm does nothing.
template <size_t which>
struct Planar {
  static constexpr std::string_view kernel_name = kernel_names[which];

  static std::unique_ptr<ConvKernel> kernel(const Problem& problem) {
    ConvShape shape = conv_shape(problem);
    shape.x_planar = problem.inputs[0].layout == Layout::row_major;
    return make_conv_kernel(kernel_name, shape, problem.isa);
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
    if (kernel_name == "igemm" && Planar<0>::kernel(problem)) return false;
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

#define PLANAR(WHICH, NAME)                                                                \
  DRAWBAR_CPU_TACTIC(planar_##WHICH, .op = "Conv", .name = NAME,                           \
                     .applies = Planar<WHICH>::applies, .seconds = Planar<WHICH>::seconds, \
                     .make = Planar<WHICH>::make, .writes_slices = true)
PLANAR(0, "conv_pointwise_f32");
PLANAR(1, "conv_igemm_f32");
PLANAR(2, "conv_row_merged_f32");
PLANAR(3, "conv_depthwise_f32");
PLANAR(4, "conv_winograd2_f32");
PLANAR(5, "conv_winograd4_f32");
PLANAR(6, "conv_winograd6_f32");
PLANAR(7, "conv_winograd2_lean_f32");
PLANAR(8, "conv_winograd4_lean_f32");
PLANAR(9, "conv_grouped_f32");
#undef PLANAR

}  // namespace
}  // namespace drawbar::cpu
