#include <algorithm>
#include <cstring>

#include "ops/resize/kernels/blend.h"
#include "ops/resize/taps.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::ResizeAxis;
using ops::ResizeTaps;

DRAWBAR_CPU_LAYOUT(Resize, channels_last);

/// What the axes do, when that is known beforehand.
std::optional<std::vector<ResizeAxis>> known_axes(const Problem& problem) {
  std::array<ops::PlannedInput, 3> inputs;
  for (size_t i = 1; i < problem.inputs.size() && i <= inputs.size(); ++i) {
    const Operand& input = problem.inputs[i];
    inputs[i - 1] = {input.present, input.constant ? &input.constant->tensor() : nullptr};
  }
  return ops::planned_axes(*problem.op.as<ops::Resize>(), problem.inputs[0].shape,
                           problem.outputs[0].shape, inputs);
}

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (x.rank() != 4 || x.type != ElementType::f32 || x.layout != Layout::channels_last ||
      y.layout != Layout::channels_last) {
    return false;
  }
  const auto& op = *problem.op.as<ops::Resize>();
  const auto axes = known_axes(problem);
  return axes && (*axes)[0].identity(op) && (*axes)[1].identity(op);
}

double seconds(const Problem& problem) {
  return static_cast<double>(problem.inputs[0].size() + 2 * problem.outputs[0].size()) * 4 / 10e9 /
         problem.threads;
}

/// Resizes rows of channels-last images.
struct RowResize {
  int64_t h, w, c, oh, ow;
  bool nearest;
  float extrapolation;
  ResizeTaps rows, columns;

  static bool outside(const ResizeTaps& taps, int64_t o) {
    return !taps.outside.empty() && taps.outside[static_cast<size_t>(o)];
  }

  void copy_row(const float* image, int64_t oy, float* to) const {
    const float* from = image + rows.index[static_cast<size_t>(oy)] * w * c;
    for (int64_t ox = 0; ox < ow; ++ox) {
      std::memcpy(to + ox * c, from + columns.index[static_cast<size_t>(ox)] * c,
                  static_cast<size_t>(c) * sizeof(float));
    }
  }

  void blend_row(const float* image, int64_t oy, float* to, float* blended) const {
    constexpr int64_t most = 16;  // more taps (strong antialiasing) are added up in turns
    const float* weights = rows.weight.data() + oy * rows.count;
    for (int64_t first = 0; first < rows.count; first += most - 1) {
      const float* sources[most];
      float factors[most];
      const int64_t count = std::min(most - 1, rows.count - first);
      for (int64_t k = 0; k < count; ++k) {
        sources[k] = image + rows.index[static_cast<size_t>(oy * rows.count + first + k)] * w * c;
        factors[k] = weights[first + k];
      }
      sources[count] = blended;
      factors[count] = 1;
      blend_rows(sources, factors, count + (first > 0), w * c, blended);
    }
    blend_pixels(blended, columns.index.data(), columns.weight.data(), columns.count, ow, c, to);
  }

  void run(const float* x, float* y, int64_t row, float* blended) const {
    const int64_t oy = row % oh;
    float* to = y + row * ow * c;
    if (outside(rows, oy)) {
      std::fill_n(to, ow * c, extrapolation);
      return;
    }
    const float* image = x + row / oh * h * w * c;
    if (nearest) {
      copy_row(image, oy, to);
    } else {
      blend_row(image, oy, to, blended);
    }
    for (int64_t ox = 0; ox < ow && !columns.outside.empty(); ++ox) {
      if (outside(columns, ox)) std::fill_n(to + ox * c, c, extrapolation);
    }
  }
};

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<ops::Resize>();
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (y.size() == 0) return make_kernel([](const KernelRun&) {});
  const std::vector<ResizeAxis> axes = *known_axes(problem);
  RowResize resize{x.dim(2),
                   x.dim(3),
                   x.dim(1),
                   y.dim(2),
                   y.dim(3),
                   op.mode == ops::ResizeMode::nearest,
                   op.extrapolation_value,
                   resize_taps(op, axes[2]),
                   resize_taps(op, axes[3])};
  const int64_t buffer = resize.nearest ? 0 : (resize.w * resize.c + 15) / 16 * 16;
  const int64_t rows = x.dim(0) * resize.oh;
  return make_kernel(
      [resize = std::move(resize), buffer, rows](const KernelRun& run) {
        run.pool.parallel_for(rows, 1, [&](int64_t begin, int64_t end, int worker) {
          float* blended = static_cast<float*>(run.scratch) + worker * buffer;
          for (int64_t row = begin; row < end; ++row) {
            resize.run(run.in<float>(0), run.out<float>(0), row, blended);
          }
        });
      },
      static_cast<size_t>(buffer * problem.threads) * sizeof(float));
}

DRAWBAR_CPU_TACTIC(rows, "Resize", "resize_channels_last_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
