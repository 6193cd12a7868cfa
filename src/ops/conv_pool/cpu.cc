#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/planned_conv.h"
#include "ops/conv_pool/op.h"
#include "ops/window/window.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(ConvPool, channels_last);

/// The convolution and the pooling as problems of their own.
class Stages {
 public:
  explicit Stages(const Problem& whole)
      : whole_(whole),
        conv_(whole.op.as<ops::ConvPool>()->conv),
        pool_(whole.op.as<ops::ConvPool>()->pool) {
    const Operand &x = whole.inputs[0], &w = whole.inputs[1];
    between_[0] = conv_result(*conv_.as<ops::Conv>(), x, w);
    inputs_ = {x, w, whole.inputs.size() > 2 ? whole.inputs[2] : Operand{}};
  }

  Problem conv() const { return problem(conv_, inputs_, between_); }
  Problem pool() const { return problem(pool_, between_, whole_.outputs); }
  const Operand& between() const { return between_[0]; }
  std::optional<ConvEpilogue> epilogue() const {
    return ConvEpilogue::plan(conv_.as<ops::Conv>()->post, {}, between_[0], false);
  }

  /// Whether windows of two by two lie side by side, so that tiles have whole ones.
  bool pools_in_tiles() const {
    const auto& op = *pool_.as<ops::Pool>();
    ops::Window window = ops::window_of(op, op.kernel);
    window.resolve_pads(std::span(between_[0].shape).subspan(2));
    const auto all = [](const std::vector<int64_t>& list, int64_t value) {
      return std::all_of(list.begin(), list.end(), [&](int64_t i) { return i == value; });
    };
    return all(window.kernel, 2) && all(window.strides, 2) && all(window.dilations, 1) &&
           all(window.pads_begin, 0) && all(window.pads_end, 0) && !epilogue()->has_program();
  }

  /// The kernel of that name for the convolution alone, or with its pooling.
  std::unique_ptr<ConvKernel> kernel(std::string_view name, bool pools) const {
    ConvShape shape = conv_shape(conv());
    shape.x_planar = whole_.inputs[0].layout == Layout::row_major;
    if (pools) {
      const Operand& y = whole_.outputs[0];
      shape.pool = 2;
      shape.pooled_h = y.dim(2);
      shape.pooled_w = y.dim(3);
      shape.y_pixel_stride = y.pixel_stride();
    }
    return make_conv_kernel(name, shape, whole_.isa);
  }

  /// The pooling's own tactic.
  const Tactic* pool_tactic() const {
    const Problem problem = pool();
    for (const Tactic& tactic : tactics_for("MaxPool")) {
      if (tactic.takes(problem)) return &tactic;
    }
    return nullptr;
  }

 private:
  Problem problem(const Op& op, std::span<const Operand> inputs,
                  std::span<const Operand> outputs) const {
    return {op, inputs, outputs, whole_.threads, whole_.isa, whole_.packed, whole_.strict};
  }

  const Problem& whole_;
  Op conv_, pool_;
  std::array<Operand, 3> inputs_;
  std::array<Operand, 1> between_;
};

/// By one of the convolution's kernels: Winograd's pool in their tiles, the others are followed by
/// the pooling's own.
template <class Way>
struct Pooled {
  static constexpr bool in_tiles = Way::name.starts_with("winograd");

  static bool applies(const Problem& problem) {
    const Operand& x = problem.inputs[0];
    if (x.rank() != 4 || problem.outputs[0].size() == 0 || !problem.inputs[1].constant) {
      return false;
    }
    const Stages stages(problem);
    const Problem conv = stages.conv();
    if (!has_conv_operands(conv, x.layout, Layout::channels_last) || !stages.epilogue()) {
      return false;
    }
    if (Way::name == "igemm" && stages.kernel("pointwise", false)) return false;
    if (in_tiles ? !stages.pools_in_tiles() : !stages.pool_tactic()) return false;
    return stages.kernel(Way::name, in_tiles) != nullptr;
  }

  static double seconds(const Problem& problem) {
    const Stages stages(problem);
    const double conv = stages.kernel(Way::name, in_tiles)->estimate_seconds(problem.threads);
    return in_tiles ? 0.95 * conv : conv + stages.pool_tactic()->seconds(stages.pool());
  }

  static std::unique_ptr<Kernel> make(const Problem& problem) {
    const Stages stages(problem);
    PlannedConv conv(stages.conv(), stages.kernel(Way::name, in_tiles), *stages.epilogue());
    const auto scratch = static_cast<size_t>(conv.scratch_bytes());
    const uint32_t packed = conv.packed_inputs();
    const auto executed = conv.executed_operations();
    if constexpr (in_tiles) {
      auto run = [conv = std::move(conv)](const KernelRun& run) {
        conv.run(run.in<float>(0), run, {}, run.out<float>(0), run.scratch);
      };
      return make_kernel(std::move(run), scratch, packed, executed);
    } else {
      std::shared_ptr<const Kernel> pool = stages.pool_tactic()->make(stages.pool());
      const auto between = static_cast<size_t>(align_up(stages.between().size() * 4, 64));
      const size_t bytes = between + std::max(scratch, pool->scratch_bytes());
      auto run = [conv = std::move(conv), pool, between](const KernelRun& run) {
        auto* values = static_cast<std::byte*>(run.scratch);
        conv.run(run.in<float>(0), run, {}, reinterpret_cast<float*>(values), values + between);
        const void* pooled[] = {values};
        pool->run({pooled, run.outputs, values + between, run.pool});
      };
      return make_kernel(std::move(run), bytes, packed, executed);
    }
  }
};

#define POOLED(NAME)                                                                           \
  struct Way_##NAME {                                                                          \
    static constexpr std::string_view name = #NAME;                                            \
  };                                                                                           \
  DRAWBAR_CPU_TACTIC(pooled_##NAME, .op = "ConvPool", .name = "conv_pool_" #NAME "_f32",       \
                     .applies = Pooled<Way_##NAME>::applies,                                   \
                     .seconds = Pooled<Way_##NAME>::seconds, .make = Pooled<Way_##NAME>::make, \
                     .writes_slices = true)
POOLED(pointwise);
POOLED(igemm);
POOLED(row_merged);
POOLED(depthwise);
POOLED(winograd2);
POOLED(winograd4);
POOLED(winograd6);
POOLED(winograd2_lean);
POOLED(winograd4_lean);
POOLED(winograd2_slices);
POOLED(winograd4_slices);
POOLED(winograd6_slices);
POOLED(grouped);
#undef POOLED

}  // namespace
}  // namespace drawbar::cpu
