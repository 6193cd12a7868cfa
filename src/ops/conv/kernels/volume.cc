// Three-dimensional convolution: row-major [N, C, D, H, W], copied to channels-last and back; each
// plane of the output is a sum of two-dimensional convolutions, one for every tap in depth.
#include <vector>

#include "base/half_tensor.h"
#include "ops/conv/kernels/interchange.h"
#include "ops/conv/kernels/planned_conv.h"

namespace drawbar::cpu {
namespace {

std::optional<ConvEpilogue> epilogue(const Problem& problem) {
  return ConvEpilogue::plan(problem.op.as<ops::Conv>()->post, conv_extras(problem),
                            problem.outputs[0], true);
}

/// One plane of one image.
ConvShape plane_shape(const Problem& problem) {
  ConvShape shape = conv_shape(problem);
  shape.n = 1;
  shape.weights = ElementType::f32;  // slices are packed so
  return shape;
}

std::unique_ptr<ConvKernel> best_kernel(const Problem& problem) {
  return std::move(conv_kernels(plane_shape(problem), problem.isa, problem.threads).front());
}

class VolumeConv final : public Kernel {
 public:
  explicit VolumeConv(const Problem& problem)
      : shape_(plane_shape(problem)),
        window_(ops::convolution_window(*problem.op.as<ops::Conv>(), problem.inputs[1].shape),
                problem.inputs[0].shape),
        images_(problem.inputs[0].dim(0)),
        kernel_(best_kernel(problem)),
        epilogue_(*epilogue(problem)),
        of_x_({images_, shape_.c, window_.inputs()}),
        of_y_({images_, shape_.m, window_.outputs()}),
        plane_bytes_(align(shape_.h * shape_.w * shape_.c * 4)),
        kernel_bytes_(align(kernel_->scratch_bytes(problem.threads))) {
    const Shape& y = problem.outputs[0].shape;
    for (size_t i = 3; i < problem.inputs.size(); ++i) {
      if (problem.inputs[i].shape == y && !of_y_.same()) residuals_.push_back(i);
    }
    for (int64_t tap = 0; tap < window_.kernel[0]; ++tap) pack(problem, tap);
  }

  size_t scratch_bytes() const override {
    const int64_t copies = 1 + static_cast<int64_t>(residuals_.size());
    return static_cast<size_t>(kernel_bytes_ + plane_bytes_ +
                               (of_x_.floats() + copies * of_y_.floats()) * 4);
  }

  uint32_t packed_inputs() const override { return 1U << 1; }
  /// Taps outside counted, as the operator's definition does.
  std::optional<double> executed_operations() const override {
    const auto of_plane = kernel_->executed_operations();
    if (!of_plane) return std::nullopt;
    return *of_plane * static_cast<double>(images_ * window_.output[0] * window_.kernel[0]);
  }

  void run(const KernelRun& run) const override {
    ConvPointers list;
    const std::span<const float* const> extras = conv_extra_pointers(run, list);
    auto* zeros = reinterpret_cast<float*>(static_cast<std::byte*>(run.scratch) + kernel_bytes_);
    std::fill_n(zeros, plane_bytes_ / 4, 0.0f);
    float* memory = zeros + plane_bytes_ / 4;
    const float* x = run.in<float>(0);
    if (!of_x_.same()) {
      of_x_.channels_last(x, memory, run.pool);
      x = memory;
      memory += of_x_.floats();
    }
    for (size_t i : residuals_) {
      of_y_.channels_last(run.in<float>(i), memory, run.pool);
      list[i - 3] = memory;
      memory += of_y_.floats();
    }
    float* y = of_y_.same() ? run.out<float>(0) : memory;
    const float* bias = run.inputs.size() > 2 ? run.in<float>(2) : nullptr;
    epilogue_.with(bias, extras, [&](const Epilogue& whole) {
      for (int64_t plane = 0; plane < images_ * window_.output[0]; ++plane) {
        run_plane(plane, x, zeros, y, whole, run);
      }
    });
    if (!of_y_.same()) of_y_.channels_first(y, run.out<float>(0), run.pool);
  }

 private:
  static int64_t align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

  /// The weights [M, C/group, kh, kw] of one tap in depth.
  void pack(const Problem& problem, int64_t tap) {
    const Operand& w = problem.inputs[1];
    const int64_t filters = w.dim(0) * w.dim(1), area = w.dim(3) * w.dim(4);
    const std::string form = conv_packed_form(*kernel_, shape_, problem.isa) +
                             fmt::format(" depth={}/{}", tap, w.dim(2));
    packed_.push_back(problem.packed.get(
        w.constant, form, static_cast<size_t>(kernel_->packed_bytes()),
        [&](const Tensor& stored, void* packed) {
          const Tensor source = is_half(stored.type()) ? to_f32(stored) : stored;
          std::vector<float> slice(static_cast<size_t>(filters * area));
          for (int64_t f = 0; f < filters; ++f) {
            std::copy_n(source.data<float>() + (f * w.dim(2) + tap) * area, area,
                        slice.data() + f * area);
          }
          kernel_->pack(slice.data(), static_cast<float*>(packed), nullptr);
        },
        !is_half(w.type)));
  }

  void run_plane(int64_t plane, const float* x, const float* zeros, float* y, const Epilogue& whole,
                 const KernelRun& run) const {
    const int64_t image = plane / window_.output[0], depth = plane % window_.output[0];
    const int64_t top = depth * window_.stride[0] - window_.pad[0];
    const int64_t inputs = shape_.h * shape_.w * shape_.c, pixels = shape_.oh * shape_.ow;
    // The taps inside; where there are none the zeros serve once.
    ops::Range taps =
        ops::valid_positions(window_.kernel[0], window_.input[0], window_.dilation[0], top);
    const bool empty = taps.first == taps.last;
    if (empty) taps = {0, 1};
    const auto shifted = [&](float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows,
                             int64_t cols) {
      (*whole.hook)(c, ldc, row + plane * pixels, col, rows, cols);
    };
    const TileHook hook(shifted);
    for (int64_t tap = taps.first; tap < taps.last; ++tap) {
      Epilogue part;
      if (tap + 1 == taps.last) {
        part = whole;
        if (part.residual) part.residual += plane * pixels * shape_.m;
        if (part.hook) part.hook = &hook;
      }
      part.bias = tap == taps.first ? whole.bias : nullptr;
      part.accumulate = tap != taps.first;
      const int64_t at = image * window_.input[0] + top + tap * window_.dilation[0];
      kernel_->run(empty ? zeros : x + at * inputs,
                   reinterpret_cast<const float*>(packed_[static_cast<size_t>(tap)].get()),
                   y + plane * pixels * shape_.m, part, run.scratch, &run.pool);
    }
  }

  ConvShape shape_;
  ops::Window3 window_;
  int64_t images_;
  std::unique_ptr<ConvKernel> kernel_;
  ConvEpilogue epilogue_;
  Interchange of_x_, of_y_;
  std::vector<size_t> residuals_;  // inputs of y's shape, which the kernel reads channels-last
  std::vector<PackedConstants::Buffer> packed_;  // by tap in depth
  int64_t plane_bytes_, kernel_bytes_;
};

bool applies(const Problem& problem) {
  return problem.inputs[0].rank() == 5 &&
         has_conv_operands(problem, Layout::row_major, Layout::row_major) &&
         problem.inputs[1].constant && epilogue(problem);
}

double seconds(const Problem& problem) {
  const Operand &w = problem.inputs[1], &y = problem.outputs[0];
  if (y.size() == 0) return 0;
  const int64_t moved = problem.inputs[0].size() + y.size();
  return static_cast<double>(y.dim(0) * y.dim(2) * w.dim(2)) *
             best_kernel(problem)->estimate_seconds(problem.threads) +
         copy_seconds(moved * 8);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  if (problem.outputs[0].size() == 0) return make_kernel([](const KernelRun&) {});
  return std::make_unique<VolumeConv>(problem);
}

DRAWBAR_CPU_TACTIC(volume, "Conv", "conv_volume_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
