#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/planned_conv.h"
#include "ops/conv_depthwise/op.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(ConvDepthwise, channels_last);

constexpr int64_t kLeastWidth = 16;  // pixels: products of a few rows are formed in another order
// Before the weights of a later convolution there are as many inputs more than before the first's:
// run.in(kDepthwise + 1) and so on.
constexpr size_t kDepthwise = 2, kProjection = 4;

/// The two or three convolutions as problems of their own.
class Stages {
 public:
  explicit Stages(const Problem& whole)
      : whole_(whole),
        projects_(op().projects),
        conv_(op().conv),
        depthwise_(op().depthwise),
        projection_(op().projection),
        isa_(std::min(whole.isa, Isa::avx512)) {
    const auto operand = [&](size_t i) {
      return i < whole.inputs.size() ? whole.inputs[i] : Operand{};
    };
    const Operand &x = operand(0), &w = operand(1);
    between_ = {conv_result(op().conv, x, w), whole.outputs[0]};
    conv_inputs_ = {x, w, operand(2)};
    depthwise_inputs_ = {between_[0], operand(3), operand(4)};
    if (!projects_) return;
    between_[1] = conv_result(op().depthwise, between_[0], operand(3));
    projection_inputs_ = {between_[1], operand(5), operand(6)};
    for (size_t i = 7; i < whole.inputs.size(); ++i) projection_inputs_.push_back(operand(i));
  }

  bool projects() const { return projects_; }
  Problem conv() const { return problem(conv_, conv_inputs_, std::span(between_).first(1), isa_); }
  Problem depthwise() const {
    return problem(depthwise_, depthwise_inputs_, std::span(between_).last(1), isa_);
  }
  /// In strips its lines come out as the whole does; apart any kernel may form them.
  Problem projection(bool in_strips) const {
    return problem(projection_, projection_inputs_, whole_.outputs, in_strips ? isa_ : whole_.isa);
  }
  const Operand& between() const { return between_[0]; }
  const Operand& projected() const { return between_[1]; }

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
  std::unique_ptr<ConvKernel> projection_kernel(bool in_strips) const {
    const Problem stage = projection(in_strips);
    return make_conv_kernel("pointwise", conv_shape(stage), stage.isa);
  }
  static std::optional<ConvEpilogue> epilogue(const Problem& stage) {
    return ConvEpilogue::plan(stage.op.as<ops::Conv>()->post, conv_extras(stage), stage.outputs[0],
                              false);
  }
  static PlannedConv plan(const Problem& stage, std::unique_ptr<ConvKernel> kernel) {
    return PlannedConv(stage, std::move(kernel), *epilogue(stage));
  }

 private:
  const ops::ConvDepthwise& op() const { return *whole_.op.as<ops::ConvDepthwise>(); }
  Problem problem(const Op& op, std::span<const Operand> inputs, std::span<const Operand> outputs,
                  Isa isa) const {
    return {op, inputs, outputs, whole_.threads, isa, whole_.packed, whole_.strict};
  }

  const Problem& whole_;
  bool projects_;
  Op conv_, depthwise_, projection_;
  Isa isa_;  // lines come out as the whole
  std::array<Operand, 3> conv_inputs_, depthwise_inputs_;
  std::vector<Operand> projection_inputs_;
  std::array<Operand, 2> between_;  // the results before the last one's
};

bool projection_applies(const Problem& problem, const Stages& stages) {
  const Problem projection = stages.projection(true);
  if (!problem.inputs[5].constant ||
      !has_conv_operands(projection, Layout::channels_last, Layout::channels_last))
    return false;
  const auto kernel = stages.projection_kernel(true);
  return kernel && kernel->has_lines() && stages.epilogue(projection);
}

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
  if (stages.projects() && !projection_applies(problem, stages)) return false;
  return stages.epilogue(conv) && stages.epilogue(depthwise) && stages.conv_kernel() &&
         stages.depthwise_kernel();
}

bool applies_to_projection(const Problem& problem) {
  return problem.op.as<ops::ConvDepthwise>()->projects && applies(problem);
}

uint32_t packed_inputs(const Problem& problem) {
  const uint32_t two = 1U << 1 | 1U << 3;
  return problem.op.as<ops::ConvDepthwise>()->projects ? two | 1U << 5 : two;
}

/// The run as the convolution of so many inputs more sees it; its own scratch is `scratch`.
KernelRun run_of(const KernelRun& run, size_t inputs, void* scratch) {
  return {run.inputs.subspan(inputs), run.outputs, scratch, run.pool};
}

/// What comes last where it is apart: a convolution of a tensor in `scratch`.
class Projection {
 public:
  explicit Projection(const Stages& stages)
      : conv_(stages.plan(stages.projection(false), stages.projection_kernel(false))) {}
  int64_t scratch_bytes() const { return conv_.scratch_bytes(); }
  void run(const float* x, const KernelRun& run, void* scratch) const {
    const KernelRun own = run_of(run, kProjection, scratch);
    ConvPointers list;
    conv_.run(x, own, conv_extra_pointers(own, list), run.out<float>(0), scratch);
  }

 private:
  PlannedConv conv_;
};

double seconds_of_projection(const Problem& problem, const Stages& stages) {
  return stages.projects() ? stages.projection_kernel(false)->estimate_seconds(problem.threads) : 0;
}

double seconds_apart(const Problem& problem) {
  const Stages stages(problem);
  return stages.conv_kernel()->estimate_seconds(problem.threads) +
         stages.depthwise_kernel()->estimate_seconds(problem.threads) +
         seconds_of_projection(problem, stages);
}

int64_t bytes_of(const Operand& operand) { return align_up(operand.size() * 4, 64); }

std::unique_ptr<Kernel> make_apart(const Problem& problem) {
  const Stages stages(problem);
  PlannedConv conv = stages.plan(stages.conv(), stages.conv_kernel());
  PlannedConv depthwise = stages.plan(stages.depthwise(), stages.depthwise_kernel());
  std::optional<Projection> projection;
  if (stages.projects()) projection.emplace(stages);
  const int64_t between = bytes_of(stages.between());
  const int64_t projected = projection ? bytes_of(stages.projected()) : 0;
  const int64_t scratch = std::max({conv.scratch_bytes(), depthwise.scratch_bytes(),
                                    projection ? projection->scratch_bytes() : 0});
  return make_kernel(
      [conv = std::move(conv), depthwise = std::move(depthwise), projection = std::move(projection),
       between, projected](const KernelRun& run) {
        auto* values = static_cast<std::byte*>(run.scratch);
        auto* first = reinterpret_cast<float*>(values);
        auto* second = reinterpret_cast<float*>(values + between);
        void* rest = values + between + projected;
        conv.run(run.in<float>(0), run, {}, first, rest);
        depthwise.run(first, run_of(run, kDepthwise, rest), {},
                      projection ? second : run.out<float>(0), rest);
        if (projection) projection->run(second, run, rest);
      },
      static_cast<size_t>(between + projected + scratch), packed_inputs(problem));
}

/// Computes strips of lines of the tensor between the first convolutions, as many as stay in the
/// second-level cache until they are read, in a ring: lines that the next strip reads too are kept.
/// So are the lines between the last ones, where the projection is a part of it.
class Strips {
 public:
  Strips(const Problem& problem, const Stages& stages, bool projects)
      : conv_(stages.plan(stages.conv(), stages.conv_kernel())),
        depthwise_(stages.plan(stages.depthwise(), stages.depthwise_kernel())),
        shape_(conv_shape(stages.depthwise())),
        threads_(problem.threads),
        x_lines_(problem.inputs[0].dim(0) * problem.inputs[0].dim(2)),
        line_(shape_.w * shape_.c),
        y_line_(shape_.ow * shape_.y_pixel_stride),
        reach_((shape_.kh - 1) * shape_.dilation_h + 1) {
    const int64_t held = cache_sizes().l2 / 8 / (4 * line_);
    strip_ = std::max<int64_t>(held - reach_, 0) / shape_.stride_h + 1;
    strip_ = std::min(strip_, shape_.oh);
    lines_ = (strip_ - 1) * shape_.stride_h + reach_;
    values_bytes_ = align_up(lines_ * line_ * 4, 64);
    if (projects) {
      projection_.emplace(stages.plan(stages.projection(true), stages.projection_kernel(true)));
      last_line_ = problem.outputs[0].pixel_stride() * shape_.ow;
      second_bytes_ = align_up(strip_ * y_line_ * 4, 64);
      rest_bytes_ = projection_->lines_scratch_bytes(strip_);
    }
    rest_bytes_ = align_up(std::max(rest_bytes_, conv_.lines_scratch_bytes(lines_)), 64);
    worker_bytes_ = kHeldBytes + values_bytes_ + second_bytes_ + rest_bytes_;
  }

  /// A multiple of 64.
  int64_t scratch_bytes() const { return threads_ * worker_bytes_; }

  /// `y` is the depthwise convolution's result, but where the projection is a part of it.
  void run(const KernelRun& run, float* y) const {
    for (int64_t worker = 0; worker < threads_; ++worker) held(run, worker) = {0, 0};
    run.pool.parallel_for(
        shape_.n * shape_.oh, strip_, [&](int64_t begin, int64_t end, int worker) {
          for (int64_t line = begin, last = 0; line < end; line = last) {
            last = std::min({end, line + strip_, (line / shape_.oh + 1) * shape_.oh});
            strip(run, worker, {line, last}, y);
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

  void strip(const KernelRun& run, int64_t worker, Lines lines, float* y) const {
    Lines& kept = held(run, worker);
    std::byte* at = memory(run, worker) + kHeldBytes;
    auto* values = reinterpret_cast<float*>(at);
    auto* second = reinterpret_cast<float*>(at + values_bytes_);
    void* rest = at + values_bytes_ + second_bytes_;
    const Lines needed = under(lines);
    if (needed.begin < kept.begin || needed.begin > kept.end) kept = {needed.begin, needed.begin};
    for_each_stretch({kept.end, needed.end}, lines_, [&](int64_t line, int64_t count) {
      conv_.run_lines(run.in<float>(0), x_lines_, bias(run, 2), {}, values + line % lines_ * line_,
                      rest, {line, line + count});
    });
    kept = needed;
    const auto depthwise = [&](float* to, Lines part) {
      depthwise_.run_lines(values, lines_, bias(run, 4), {}, to, nullptr, part);
    };
    if (!projection_) return depthwise(y + lines.begin * y_line_, lines);
    for_each_stretch(lines, strip_, [&](int64_t line, int64_t count) {
      depthwise(second + line % strip_ * y_line_, {line, line + count});
    });
    const KernelRun own = run_of(run, kProjection, rest);
    ConvPointers list;
    projection_->run_lines(second, strip_, bias(own, 2), conv_extra_pointers(own, list),
                           run.out<float>(0) + lines.begin * last_line_, rest, lines);
  }

  static const float* bias(const KernelRun& run, size_t i) {
    return i < run.inputs.size() ? run.in<float>(i) : nullptr;
  }

  PlannedConv conv_, depthwise_;
  std::optional<PlannedConv> projection_;
  ConvShape shape_;  // the depthwise convolution's
  int64_t threads_, x_lines_;
  int64_t line_, y_line_;          // floats of a line that it reads, and gives
  int64_t last_line_ = 0;          // and of the projection's
  int64_t reach_;                  // lines under an output line
  int64_t strip_ = 1, lines_ = 1;  // output lines of a strip, lines under them
  int64_t values_bytes_ = 0, second_bytes_ = 0, rest_bytes_ = 0, worker_bytes_ = 0;
};

double seconds_in_strips(const Problem& problem) {
  const Stages stages(problem);
  const double bytes = 4 * static_cast<double>(stages.between().size());
  const bool stays = bytes <= static_cast<double>(problem.threads * cache_sizes().l2) / 2;
  // What a tensor costs that leaves the core's cache: about as much again as the computation.
  const double depthwise = stages.depthwise_kernel()->estimate_seconds(problem.threads);
  return seconds_apart(problem) + (stays ? 0.1 : -0.4) * depthwise;
}

/// As above; the narrower tensor is the projection's to read.
double seconds_projected(const Problem& problem) {
  const Stages stages(problem);
  const double bytes = 4 * static_cast<double>(stages.projected().size());
  const bool stays = bytes <= static_cast<double>(problem.threads * cache_sizes().l2) / 2;
  const double vectors = stages.projection_kernel(true)->estimate_seconds(problem.threads);
  return seconds_in_strips(problem) + vectors * (stays ? 1.02 : 0.9) -
         seconds_of_projection(problem, stages);
}

std::unique_ptr<Kernel> make_strips(const Problem& problem) {
  const Stages stages(problem);
  Strips strips(problem, stages, false);
  std::optional<Projection> projection;
  if (stages.projects()) projection.emplace(stages);
  const int64_t scratch = strips.scratch_bytes();
  const int64_t projected = projection ? bytes_of(stages.projected()) : 0;
  const int64_t rest = projection ? projection->scratch_bytes() : 0;
  return make_kernel(
      [strips = std::move(strips), projection = std::move(projection), scratch,
       projected](const KernelRun& run) {
        if (!projection) return strips.run(run, run.out<float>(0));
        auto* after = static_cast<std::byte*>(run.scratch) + scratch;
        auto* second = reinterpret_cast<float*>(after);
        strips.run(run, second);
        projection->run(second, run, after + projected);
      },
      static_cast<size_t>(scratch + projected + rest), packed_inputs(problem));
}

std::unique_ptr<Kernel> make_projected(const Problem& problem) {
  Strips strips(problem, Stages(problem), true);
  const auto scratch = static_cast<size_t>(strips.scratch_bytes());
  return make_kernel(
      [strips = std::move(strips)](const KernelRun& run) { strips.run(run, nullptr); }, scratch,
      packed_inputs(problem));
}

DRAWBAR_CPU_TACTIC(apart, .op = "ConvDepthwise", .name = "conv_depthwise_apart_f32",
                   .applies = applies, .seconds = seconds_apart, .make = make_apart,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(strips, .op = "ConvDepthwise", .name = "conv_depthwise_strips_f32",
                   .applies = applies, .seconds = seconds_in_strips, .make = make_strips,
                   .writes_slices = true);
DRAWBAR_CPU_TACTIC(projected, .op = "ConvDepthwise", .name = "conv_depthwise_projected_f32",
                   .applies = applies_to_projection, .seconds = seconds_projected,
                   .make = make_projected, .writes_slices = true);

}  // namespace
}  // namespace drawbar::cpu
