#include <algorithm>

#include "ops/resize/kernels/blend.h"
#include "ops/roi_align/op.h"
#include "ops/roi_align/samples.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::RoiAlign;
using ops::RoiAxis;
using ops::RoiSample;

DRAWBAR_CPU_LAYOUT(RoiAlign, channels_last);

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  return x.type == ElementType::f32 && x.rank() == 4 && x.layout == Layout::channels_last &&
         y.layout == Layout::channels_last && !problem.op.as<RoiAlign>()->maximum;
}

double seconds(const Problem& problem) {
  return static_cast<double>(problem.outputs[0].size()) * 64 / 20e9 / problem.threads;
}

/// Pixels and their weights, added up for all channels a batch at a time.
class PixelSum {
 public:
  PixelSum(float* to, int64_t c) : to_(to), c_(c) {}

  void add(const float* pixel, float weight) {
    if (weight == 0) return;
    pixels_[count_] = pixel;
    weights_[count_] = weight;
    if (++count_ == most) flush();
  }
  void finish() {
    if (count_ > 0) flush();
    if (!started_) std::fill_n(to_, c_, 0.0f);
  }

 private:
  static constexpr int64_t most = 64;

  void flush() {
    if (started_) {
      pixels_[count_] = to_;
      weights_[count_++] = 1;
    }
    blend_rows(pixels_, weights_, count_, c_, to_);
    started_ = true;
    count_ = 0;
  }

  float* to_;
  int64_t c_;
  const float* pixels_[most + 1];
  float weights_[most + 1];
  int64_t count_ = 0;
  bool started_ = false;
};

/// Averages the samples of one bin. image [h, w, c].
void average_bin(const float* image, int64_t h, int64_t w, int64_t c, const RoiAxis& rows,
                 const RoiAxis& columns, int64_t row, int64_t column, float* to) {
  PixelSum sum(to, c);
  const float share = 1 / static_cast<float>(std::max<int64_t>(rows.samples * columns.samples, 1));
  for (int64_t i = 0; i < rows.samples; ++i) {
    const RoiSample y = ops::roi_sample(rows.position(row, i), h);
    if (!y.inside) continue;
    for (int64_t k = 0; k < columns.samples; ++k) {
      const RoiSample x = ops::roi_sample(columns.position(column, k), w);
      if (!x.inside) continue;
      const float *low = image + y.low * w * c, *high = image + y.high * w * c;
      const float top = share * (1 - y.fraction), bottom = share * y.fraction;
      sum.add(low + x.low * c, top * (1 - x.fraction));
      sum.add(low + x.high * c, top * x.fraction);
      sum.add(high + x.low * c, bottom * (1 - x.fraction));
      sum.add(high + x.high * c, bottom * x.fraction);
    }
  }
  sum.finish();
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const RoiAlign op = *problem.op.as<RoiAlign>();
  const Operand& x = problem.inputs[0];
  const int64_t images = x.dim(0), c = x.dim(1), h = x.dim(2), w = x.dim(3);
  const int64_t regions = problem.outputs[0].dim(0);
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(regions, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const float* corner = run.in<float>(1) + r * 4;
        const RoiAxis rows(op, corner[1], corner[3], op.output_height);
        const RoiAxis columns(op, corner[0], corner[2], op.output_width);
        const float* image =
            run.in<float>(0) + ops::roi_image(run.in<int64_t>(2), r, images) * h * w * c;
        const int64_t bins = op.output_height * op.output_width;
        for (int64_t bin = 0; bin < bins; ++bin) {
          average_bin(image, h, w, c, rows, columns, bin / op.output_width, bin % op.output_width,
                      run.out<float>(0) + (r * bins + bin) * c);
        }
      }
    });
  });
}

DRAWBAR_CPU_TACTIC(channels_last, "RoiAlign", "roi_align_channels_last_f32", applies, seconds,
                   make);

}  // namespace
}  // namespace drawbar::cpu
