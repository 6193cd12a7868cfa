#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/planned_conv.h"
#include "ops/conv_depthwise/op.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(ConvDepthwise, channels_last);

constexpr int64_t kLeastWidth = 16;  // pixels: products of a few rows are formed in another order
constexpr size_t kFirstInput = 2;    // in front of the depthwise weights: run.in(kFirstInput + 1)

/// The two convolutions as problems of their own.
class Stages {
 public:
  explicit Stages(const Problem& whole)
      : whole_(whole),
        conv_(whole.op.as<ops::ConvDepthwise>()->conv),
        depthwise_(whole.op.as<ops::ConvDepthwise>()->depthwise),
        isa_(std::min(whole.isa, Isa::avx512)) {
    const Operand &x = whole.inputs[0], &w = whole.inputs[1];
    between_[0] = conv_result(*conv_.as<ops::Conv>(), x, w);
    const auto operand = [&](size_t i) {
      return i < whole.inputs.size() ? whole.inputs[i] : Operand{};
    };
    conv_inputs_ = {x, w, operand(2)};
    depthwise_inputs_ = {between_[0], operand(3), operand(4)};
  }

  Problem conv() const { return problem(conv_, conv_inputs_, between_); }
  Problem depthwise() const { return problem(depthwise_, depthwise_inputs_, whole_.outputs); }
  const Operand& between() const { return between_[0]; }

  std::unique_ptr<ConvKernel> conv_kernel() const {
    ConvShape shape = conv_shape(conv());
    shape.x_planar = whole_.inputs[0].layout == Layout::row_major;
    for (std::string_view name : {"pointwise", "row_merged"}) {
      auto kernel = make_conv_kernel(name, shape, isa_);
      if (kernel && kernel->has_lines()) return kernel;
    }
    return nullptr;
  }
  std::unique_ptr<ConvKernel> depthwise_kernel() const {
    return make_conv_kernel("depthwise", conv_shape(depthwise()), isa_);
  }
  static std::optional<ConvEpilogue> epilogue(const Problem& stage) {
    return ConvEpilogue::plan(stage.op.as<ops::Conv>()->post, {}, stage.outputs[0], false);
  }
  static PlannedConv plan(const Problem& stage, std::unique_ptr<ConvKernel> kernel) {
    return PlannedConv(stage, std::move(kernel), *epilogue(stage));
  }

 private:
  Problem problem(const Op& op, std::span<const Operand> inputs,
                  std::span<const Operand> outputs) const {
    return {op, inputs, outputs, whole_.threads, isa_, whole_.packed, whole_.strict};
  }

  const Problem& whole_;
  Op conv_, depthwise_;
  Isa isa_;  // lines come out as the whole
  std::array<Operand, 3> conv_inputs_, depthwise_inputs_;
  std::array<Operand, 1> between_;
};

bool applies(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  if (x.rank() != 4 || problem.outputs[0].size() == 0) return false;
  const Stages stages(problem);
  const Problem conv = stages.conv(), depthwise = stages.depthwise();
  if (!has_conv_operands(conv, x.layout, Layout::channels_last) ||
      !has_conv_operands(depthwise, Layout::channels_last, Layout::channels_last) ||
      !problem.inputs[1].constant || !problem.inputs[3].constant ||
      stages.between().dim(3) < kLeastWidth)
    return false;
  return stages.epilogue(conv) && stages.epilogue(depthwise) && stages.conv_kernel() &&
         stages.depthwise_kernel();
}

double seconds_apart(const Problem& problem) {
  const Stages stages(problem);
  return stages.conv_kernel()->estimate_seconds(problem.threads) +
         stages.depthwise_kernel()->estimate_seconds(problem.threads);
}

constexpr uint32_t kPackedInputs = 1U << 1 | 1U << 3;

std::unique_ptr<Kernel> make_apart(const Problem& problem) {
  const Stages stages(problem);
  PlannedConv conv = stages.plan(stages.conv(), stages.conv_kernel());
  PlannedConv depthwise = stages.plan(stages.depthwise(), stages.depthwise_kernel());
  const int64_t between = align_up(stages.between().size() * 4, 64);
  const int64_t scratch = std::max(conv.scratch_bytes(), depthwise.scratch_bytes());
  return make_kernel(
      [conv = std::move(conv), depthwise = std::move(depthwise), between](const KernelRun& run) {
        auto* values = static_cast<float*>(run.scratch);
        void* rest = static_cast<std::byte*>(run.scratch) + between;
        conv.run(run.in<float>(0), run, {}, values, rest);
        const KernelRun then{run.inputs.subspan(kFirstInput), run.outputs, rest, run.pool};
        depthwise.run(values, then, {}, run.out<float>(0), rest);
      },
      static_cast<size_t>(between + scratch), kPackedInputs);
}

/// Computes strips of lines of the tensor between the convolutions, as many as stay in the
/// second-level cache until they are read, in a ring: lines that the next strip reads too are kept.
class Strips {
 public:
  Strips(const Problem& problem, const Stages& stages)
      : conv_(stages.plan(stages.conv(), stages.conv_kernel())),
        depthwise_(stages.plan(stages.depthwise(), stages.depthwise_kernel())),
        shape_(conv_shape(stages.depthwise())),
        threads_(problem.threads),
        x_lines_(problem.inputs[0].dim(0) * problem.inputs[0].dim(2)),
        line_(shape_.w * shape_.c),
        reach_((shape_.kh - 1) * shape_.dilation_h + 1) {
    const int64_t held = cache_sizes().l2 / 8 / (4 * line_);
    strip_ = std::max<int64_t>(held - reach_, 0) / shape_.stride_h + 1;
    strip_ = std::min(strip_, shape_.oh);
    lines_ = (strip_ - 1) * shape_.stride_h + reach_;
    values_bytes_ = align_up(lines_ * line_ * 4, 64);
    worker_bytes_ = kHeldBytes + values_bytes_ + align_up(conv_.lines_scratch_bytes(lines_), 64);
  }

  size_t scratch_bytes() const { return static_cast<size_t>(threads_ * worker_bytes_); }

  void run(const KernelRun& run) const {
    for (int64_t worker = 0; worker < threads_; ++worker) held(run, worker) = {0, 0};
    run.pool.parallel_for(
        shape_.n * shape_.oh, strip_, [&](int64_t begin, int64_t end, int worker) {
          for (int64_t line = begin, last = 0; line < end; line = last) {
            last = std::min({end, line + strip_, (line / shape_.oh + 1) * shape_.oh});
            strip(run, worker, {line, last});
          }
        });
  }

 private:
  static constexpr int64_t kHeldBytes = 64;

  std::byte* memory(const KernelRun& run, int64_t worker) const {
    return static_cast<std::byte*>(run.scratch) + worker * worker_bytes_;
  }
  /// The lines between the convolutions that the worker has in its memory.
  Lines& held(const KernelRun& run, int64_t worker) const {
    return *reinterpret_cast<Lines*>(memory(run, worker));
  }

  /// The lines that output lines of one image depend on.
  Lines under(Lines lines) const {
    const int64_t image = lines.begin / shape_.oh;
    const auto inside = [&](int64_t line) {
      return image * shape_.h + std::clamp<int64_t>(line, 0, shape_.h);
    };
    const int64_t first = (lines.begin - image * shape_.oh) * shape_.stride_h - shape_.pad_top;
    return {inside(first), inside(first + (lines.count() - 1) * shape_.stride_h + reach_)};
  }

  void strip(const KernelRun& run, int64_t worker, Lines lines) const {
    Lines& kept = held(run, worker);
    auto* values = reinterpret_cast<float*>(memory(run, worker) + kHeldBytes);
    void* rest = memory(run, worker) + kHeldBytes + values_bytes_;
    const Lines needed = under(lines);
    if (needed.begin < kept.begin || needed.begin > kept.end) kept = {needed.begin, needed.begin};
    for_each_stretch({kept.end, needed.end}, lines_, [&](int64_t line, int64_t count) {
      conv_.run_lines(run.in<float>(0), x_lines_, bias(run, 2), values + line % lines_ * line_,
                      rest, {line, line + count});
    });
    kept = needed;
    float* y = run.out<float>(0) + lines.begin * shape_.ow * shape_.y_pixel_stride;
    depthwise_.run_lines(values, lines_, bias(run, 4), y, nullptr, lines);
  }

  static const float* bias(const KernelRun& run, size_t i) {
    return i < run.inputs.size() ? run.in<float>(i) : nullptr;
  }

  PlannedConv conv_, depthwise_;
  ConvShape shape_;  // the depthwise convolution's
  int64_t threads_, x_lines_;
  int64_t line_;                   // floats of a line between the convolutions
  int64_t reach_;                  // lines under an output line
  int64_t strip_ = 1, lines_ = 1;  // output lines of a strip, lines under them
  int64_t values_bytes_ = 0, worker_bytes_ = 0;
};

double seconds_in_strips(const Problem& problem) {
  const Stages stages(problem);
  const double bytes = 4 * static_cast<double>(stages.between().size());
  const bool stays = bytes <= static_cast<double>(problem.threads * cache_sizes().l2) / 2;
  // What a tensor costs that leaves the core's cache: about as much again as the computation.
  const double depthwise = stages.depthwise_kernel()->estimate_seconds(problem.threads);
  return seconds_apart(problem) + (stays ? 0.1 : -0.4) * depthwise;
}

std::unique_ptr<Kernel> make_strips(const Problem& problem) {
  const Stages stages(problem);
  Strips strips(problem, stages);
  const size_t scratch = strips.scratch_bytes();
  return make_kernel([strips = std::move(strips)](const KernelRun& run) { strips.run(run); },
                     scratch, kPackedInputs);
}

DRAWBAR_CPU_TACTIC(apart, .op = "ConvDepthwise", .name = "conv_depthwise_apart_f32",
                   .applies = applies, .seconds = seconds_apart, .make = make_apart,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(strips, .op = "ConvDepthwise", .name = "conv_depthwise_strips_f32",
                   .applies = applies, .seconds = seconds_in_strips, .make = make_strips,
                   .writes_slices = true);

}  // namespace
}  // namespace drawbar::cpu
