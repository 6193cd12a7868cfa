#include <array>

#include "ops/conv/epilogue.h"
#include "ops/conv/kernels/conv_kernel.h"
#include "ops/conv/op.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(Conv, channels_last);

constexpr std::array kernel_names = {"pointwise", "igemm",     "row_merged", "depthwise",
                                     "winograd2", "winograd4", "grouped"};

/// The convolution of a problem as its kernels know it; 1-D ones have height 1.
ConvShape conv_shape(const Problem& problem) {
  const auto& op = *problem.op.as<ops::Conv>();
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  ops::Window window = ops::convolution_window(op, w.shape);
  window.resolve_pads(std::span(x.shape).subspan(2));
  const size_t last = window.rank() - 1;
  ConvShape shape;
  shape.n = x.dim(0);
  shape.c = shape.x_pixel_stride = x.dim(1);
  shape.m = shape.y_pixel_stride = y.dim(1);
  shape.w = x.shape.back();
  shape.ow = y.shape.back();
  shape.kw = window.kernel[last];
  shape.stride_w = window.strides[last];
  shape.dilation_w = window.dilations[last];
  shape.pad_left = window.pads_begin[last];
  shape.groups = op.group;
  if (last == 0) return shape;
  shape.h = x.dim(2);
  shape.oh = y.dim(2);
  shape.kh = window.kernel[0];
  shape.stride_h = window.strides[0];
  shape.dilation_h = window.dilations[0];
  shape.pad_top = window.pads_begin[0];
  return shape;
}

std::span<const Operand> extras(const Problem& problem) {
  return problem.inputs.size() > 3 ? problem.inputs.subspan(3) : std::span<const Operand>();
}

/// What the packed weights depend on.
std::string packed_form(std::string_view name, const ConvShape& s, Isa isa) {
  std::string form = fmt::format("conv {} {} m={} c={} k={}x{} groups={}", name, cpu::name(isa),
                                 s.m, s.c, s.kh, s.kw, s.groups);
  if (name == "grouped") {  // the kernel of a group depends on everything
    form += fmt::format(" n={} x={}x{} y={}x{} stride={}x{} dilation={}x{} pad={}x{}", s.n, s.h,
                        s.w, s.oh, s.ow, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w,
                        s.pad_top, s.pad_left);
  }
  return form;
}

/// Whether operands are f32, there is something to multiply, and x and y lie as `layout` says.
bool has_operands(const Problem& problem, Layout layout) {
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  const bool biased = problem.inputs.size() > 2 && problem.inputs[2].present;
  if (x.type != ElementType::f32 || w.type != ElementType::f32 || w.layout != Layout::row_major) {
    return false;
  }
  if (x.layout != layout || y.layout != layout || w.size() == 0) return false;
  return !biased || problem.inputs[2].type == ElementType::f32;
}

/// One convolution with channels-last operands, its weights packed.
class PlannedConv {
 public:
  PlannedConv(const Problem& problem, std::unique_ptr<ConvKernel> kernel, ConvEpilogue epilogue)
      : shape_(conv_shape(problem)), kernel_(std::move(kernel)), epilogue_(std::move(epilogue)) {
    scratch_bytes_ = (kernel_->scratch_bytes(problem.threads) + 63) / 64 * 64;
    const auto bytes = static_cast<size_t>(kernel_->packed_bytes());
    if (const ConstantPtr& weights = problem.inputs[1].constant) {
      packed_ = problem.packed.get(weights, packed_form(kernel_->name(), shape_, problem.isa),
                                   bytes, [&](const Tensor& source, void* packed) {
                                     kernel_->pack(source.data<float>(),
                                                   static_cast<float*>(packed), nullptr);
                                   });
    }
  }

  /// Weights that are only known while running are packed behind the kernel's scratch.
  int64_t scratch_bytes() const {
    return scratch_bytes_ + (packed_ ? 0 : kernel_->packed_bytes() + 64);
  }

  void run(const float* x, const KernelRun& run, std::span<const float* const> extras, float* y,
           void* scratch) const {
    const auto* packed = reinterpret_cast<const float*>(packed_.get());
    if (!packed_) {
      auto* own = reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + scratch_bytes_);
      kernel_->pack(run.in<float>(1), own, &run.pool);
      packed = own;
    }
    const float* bias = run.inputs.size() > 2 ? run.in<float>(2) : nullptr;
    epilogue_.with(bias, extras, [&](const Epilogue& epilogue) {
      kernel_->run(x, packed, y, epilogue, scratch, &run.pool);
    });
  }

 private:
  ConvShape shape_;
  std::unique_ptr<ConvKernel> kernel_;
  ConvEpilogue epilogue_;
  PackedConstants::Buffer packed_;  // null: the weights are not constant
  int64_t scratch_bytes_ = 0;
};

std::span<const float* const> extra_pointers(
    const KernelRun& run, std::array<const float*, ops::Program::most_inputs>& list) {
  size_t count = 0;
  for (size_t i = 3; i < run.inputs.size(); ++i) list[count++] = run.in<float>(i);
  return {list.data(), count};
}

/// Two-dimensional convolution by one of the kernels. Without a pixel igemm does nothing.
template <size_t which>
struct Planar {
  static constexpr std::string_view kernel_name = kernel_names[which];

  static std::unique_ptr<ConvKernel> kernel(const Problem& problem) {
    return make_conv_kernel(kernel_name, conv_shape(problem), problem.isa);
  }
  static std::optional<ConvEpilogue> epilogue(const Problem& problem) {
    return ConvEpilogue::plan(problem.op.as<ops::Conv>()->post, extras(problem), problem.outputs[0],
                              false);
  }
  static bool applies(const Problem& problem) {
    if (problem.inputs[0].rank() != 4 || !has_operands(problem, Layout::channels_last)) {
      return false;
    }
    if (problem.outputs[0].size() == 0) return kernel_name == "igemm";
    const bool packs_fast =
        kernel_name == "pointwise" || kernel_name == "igemm" || kernel_name == "grouped";
    if (!problem.inputs[1].constant && !packs_fast) return false;
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
    return make_kernel(
        [conv = std::move(conv)](const KernelRun& run) {
          std::array<const float*, ops::Program::most_inputs> list;
          conv.run(run.in<float>(0), run, extra_pointers(run, list), run.out<float>(0),
                   run.scratch);
        },
        scratch);
  }
};

#define PLANAR(WHICH, NAME)                                                                        \
  DRAWBAR_CPU_TACTIC(planar_##WHICH, "Conv", NAME, Planar<WHICH>::applies, Planar<WHICH>::seconds, \
                     Planar<WHICH>::make)
PLANAR(0, "conv_pointwise_f32");
PLANAR(1, "conv_igemm_f32");
PLANAR(2, "conv_row_merged_f32");
PLANAR(3, "conv_depthwise_f32");
PLANAR(4, "conv_winograd2_f32");
PLANAR(5, "conv_winograd4_f32");
PLANAR(6, "conv_grouped_f32");
#undef PLANAR

}  // namespace
}  // namespace drawbar::cpu
