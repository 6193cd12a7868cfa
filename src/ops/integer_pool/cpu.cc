#include "ops/integer_pool/cpu_lines.h"
#include "ops/integer_pool/op.h"
#include "ops/pool/cpu_shape.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearAveragePool;

DRAWBAR_CPU_LAYOUT(QLinearAveragePool, channels_last);

constexpr int64_t kMostTaps = 1 << 23;  // whose sums fit 32 bits
constexpr int64_t kChannels = 128;      // that a worker takes at a time where pixels are few

bool is_quantised(const Problem& p) { return p.outputs[0].type != ElementType::f32; }

PoolShape shape_of(const Problem& p) {
  const auto& op = *p.op.as<QLinearAveragePool>();
  if (!op.is_global()) return pool_shape(op.pool, p);
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  return {.n = x.dim(0),
          .h = x.dim(2),
          .w = x.dim(3),
          .c = x.dim(1),
          .y_pixel = y.pixel_stride(),
          .kh = x.dim(2),
          .kw = x.dim(3),
          .average = true};
}

bool applies(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  if (x.rank() != 4 || x.layout != Layout::channels_last || y.layout != Layout::channels_last)
    return false;
  const auto& op = *p.op.as<QLinearAveragePool>();
  const int64_t rows = std::min(x.dim(2), op.is_global() ? kMostTaps : op.pool.kernel[0]);
  const int64_t columns = std::min(x.dim(3), op.is_global() ? kMostTaps : op.pool.kernel[1]);
  return columns == 0 || rows <= kMostTaps / columns;
}

double seconds(const Problem& p) {
  const PoolShape s = shape_of(p);
  const double taps = static_cast<double>(s.kh) * static_cast<double>(s.kw);
  const auto outputs = static_cast<double>(p.outputs[0].size());
  return 1e-6 + (outputs / 8e9 + taps * outputs / 40e9) / p.threads;
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const ElementType x = p.inputs[0].type, y = p.outputs[0].type;
  const AverageBytes average = average_bytes(x, y);
  const PoolShape shape = shape_of(p);
  const int64_t width = bits(y) / 8;
  const int64_t pieces =
      shape.rows() * shape.ow < 64 ? std::max<int64_t>(1, shape.c / kChannels) : 1;
  return make_kernel([=, quantised = is_quantised(p)](const KernelRun& run) {
    const float x_scale = *run.in<float>(1), y_scale = quantised ? *run.in<float>(3) : 1.0f;
    const int32_t x_zero = byte_at(run.inputs[2], x, 0) + (x == ElementType::i8 ? 128 : 0);
    const int32_t y_zero = quantised ? byte_at(run.inputs[4], y, 0) : 0;
    run.pool.parallel_for(shape.rows() * pieces, 1, [&](int64_t begin, int64_t end, int) {
      ByteMean mean{0, 0, y_zero};
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / pieces, piece = i % pieces;
        const int64_t first = piece * kChannels;
        const int64_t channels = (piece == pieces - 1 ? shape.c : first + kChannels) - first;
        const PoolRow windows = pool_row(shape, row);
        for (int64_t ox = 0; ox < shape.ow; ++ox) {
          const PoolPatch patch = pool_patch(shape, windows, ox);
          const auto inside = static_cast<int32_t>(patch.rows * patch.columns);
          const auto count = static_cast<float>(std::max<int64_t>(patch.count, 1));
          mean.offset = -inside * x_zero;
          mean.multiplier = x_scale / (y_scale * count);
          average({run.in<std::byte>(0) + patch.first + first, patch.rows, patch.columns,
                   patch.row_step, patch.column_step},
                  mean, channels,
                  run.out<std::byte>(0) + ((row * shape.ow + ox) * shape.y_pixel + first) * width);
        }
      }
    });
  });
}

}  // namespace

DRAWBAR_CPU_TACTIC(average_bytes, .op = "QLinearAveragePool",
                   .name = "average_pool_channels_last_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu
