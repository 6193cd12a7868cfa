#include "ops/roi_align/op.h"

#include <limits>

#include "ops/roi_align/samples.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(RoiAlign);
DRAWBAR_OP(MaxRoiPool);

namespace {

/// What both ask of x [N, C, H, W] and rois [R, columns].
template <class T>
void check_regions(const T& op, Infer& context, int64_t columns) {
  const ElementType element = context.element(0);
  if (!is_floating(element) || context.element(1) != element) {
    fail(ErrorCode::invalid_model, "x is {} and rois are {}, expected one float type",
         name(element), name(context.element(1)));
  }
  context.expect_rank(0, 4, "x");
  context.expect_rank(1, 2, "rois");
  if (context.ranked(1)) Infer::same(context.dims(1)[1], columns, "numbers of a region");
  for (int64_t size : {op.output_height, op.output_width}) {
    if (size < 1 || size > 1 << 20) {
      fail(ErrorCode::invalid_model, "output is {} x {}, expected 1 to 2^20 each", op.output_height,
           op.output_width);
    }
  }
}

template <class T>
double pool_bin(const RoiAlign& op, const T* plane, int64_t height, int64_t width,
                const RoiAxis& rows, const RoiAxis& columns, int64_t row, int64_t column) {
  double sum = 0, largest = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < rows.samples; ++i) {
    const RoiSample y = roi_sample(rows.position(row, i), height);
    for (int64_t k = 0; k < columns.samples; ++k) {
      const RoiSample x = roi_sample(columns.position(column, k), width);
      double part[4] = {0, 0, 0, 0};
      if (y.inside && x.inside) {
        const double fy = static_cast<double>(y.fraction), fx = static_cast<double>(x.fraction);
        part[0] = (1 - fy) * (1 - fx) * static_cast<double>(plane[y.low * width + x.low]);
        part[1] = (1 - fy) * fx * static_cast<double>(plane[y.low * width + x.high]);
        part[2] = fy * (1 - fx) * static_cast<double>(plane[y.high * width + x.low]);
        part[3] = fy * fx * static_cast<double>(plane[y.high * width + x.high]);
      }
      sum += part[0] + part[1] + part[2] + part[3];
      largest = std::max({largest, part[0], part[1], part[2], part[3]});
    }
  }
  const int64_t count = std::max<int64_t>(rows.samples * columns.samples, 0);
  if (count == 0) return 0;
  return op.maximum ? largest : sum / static_cast<double>(count);
}

/// The pixels [first, last) of one bin of MaxRoiPool.
struct Pixels {
  int64_t first, last;
};
Pixels bin_pixels(double low, double high, double scale, int64_t bins, int64_t bin, int64_t size) {
  const double start = std::round(low * scale);
  const double length = std::max(std::round(high * scale) - start + 1, 1.0);
  const double step = length / static_cast<double>(bins);
  const auto limit = [&](double v) {
    return static_cast<int64_t>(std::min(std::max(v + start, 0.0), static_cast<double>(size)));
  };
  return {limit(std::floor(static_cast<double>(bin) * step)),
          limit(std::ceil(static_cast<double>(bin + 1) * step))};
}

}  // namespace

void infer(const RoiAlign& op, Infer& context) {
  context.expect_inputs(3, 3);
  check_regions(op, context, 4);
  if (op.sampling_ratio < 0 || op.sampling_ratio > 1 << 20) {
    fail(ErrorCode::invalid_model, "sampling_ratio is {}, expected 0 to 2^20", op.sampling_ratio);
  }
  if (context.element(2) != ElementType::i64) {
    fail(ErrorCode::invalid_model, "batch is {}, expected i64", name(context.element(2)));
  }
  context.expect_rank(2, 1, "batch");
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  Dim regions = context.ranked(1)   ? context.dims(1)[0]
                : context.ranked(2) ? context.dims(2)[0]
                                    : context.fresh("regions", 1 << 20);
  if (context.ranked(1) && context.ranked(2)) {
    regions = Infer::same(regions, context.dims(2)[0], "rois and batch");
  }
  context.output(0, context.element(0),
                 {regions, context.dims(0)[1], op.output_height, op.output_width});
}

Dim operations(const RoiAlign& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1)) return Dim(0);
  const int64_t samples = std::max<int64_t>(op.sampling_ratio, 2);
  return context.dims(1)[0] * context.dims(0)[1] * op.output_height * op.output_width *
         (8 * samples * samples);
}

void reference(const RoiAlign& op, Evaluation& e) {
  const Tensor &x = e.input(0), &rois = e.input(1), &batch = e.input(2);
  const int64_t regions = rois.dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  Tensor& y = e.output(0, x.type(), {regions, channels, op.output_height, op.output_width});
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    e.pool().parallel_for(regions, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        e.checkpoint();
        float corner[4];
        for (int64_t i = 0; i < 4; ++i) corner[i] = static_cast<float>(rois.data<T>()[r * 4 + i]);
        const RoiAxis rows(op, corner[1], corner[3], op.output_height);
        const RoiAxis columns(op, corner[0], corner[2], op.output_width);
        const int64_t image = roi_image(batch.data<int64_t>(), r, x.dim(0));
        T* out = y.data<T>() + r * channels * op.output_height * op.output_width;
        for (int64_t c = 0; c < channels; ++c) {
          const T* plane = x.data<T>() + (image * channels + c) * height * width;
          for (int64_t i = 0; i < op.output_height; ++i) {
            for (int64_t k = 0; k < op.output_width; ++k) {
              *out++ = rounded<T>(pool_bin(op, plane, height, width, rows, columns, i, k));
            }
          }
        }
      }
    });
  });
}

void infer(const MaxRoiPool& op, Infer& context) {
  context.expect_inputs(2, 2);
  check_regions(op, context, 5);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  const Dim regions = context.ranked(1) ? context.dims(1)[0] : context.fresh("regions", 1 << 20);
  context.output(0, context.element(0),
                 {regions, context.dims(0)[1], op.output_height, op.output_width});
}

void reference(const MaxRoiPool& op, Evaluation& e) {
  const Tensor &x = e.input(0), &rois = e.input(1);
  const int64_t regions = rois.dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  Tensor& y = e.output(0, x.type(), {regions, channels, op.output_height, op.output_width});
  const auto scale = static_cast<double>(op.spatial_scale);
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    T* out = y.data<T>();
    for (int64_t plane = 0; plane < regions * channels; ++plane) {
      e.checkpoint();
      const int64_t r = plane / channels, c = plane % channels;
      double region[5];
      for (int64_t i = 0; i < 5; ++i) region[i] = static_cast<double>(rois.data<T>()[r * 5 + i]);
      if (!(region[0] >= 0 && region[0] < static_cast<double>(x.dim(0)))) {
        fail(ErrorCode::invalid_argument, "region {} is in image {}, x has {}", r, region[0],
             x.dim(0));
      }
      const T* pixels =
          x.data<T>() + (static_cast<int64_t>(region[0]) * channels + c) * height * width;
      for (int64_t bin = 0; bin < op.output_height * op.output_width; ++bin) {
        const Pixels rows = bin_pixels(region[2], region[4], scale, op.output_height,
                                       bin / op.output_width, height);
        const Pixels columns =
            bin_pixels(region[1], region[3], scale, op.output_width, bin % op.output_width, width);
        const bool empty = rows.first >= rows.last || columns.first >= columns.last;
        double largest = empty ? 0 : -std::numeric_limits<double>::infinity();
        for (int64_t i = rows.first; i < rows.last; ++i) {
          for (int64_t k = columns.first; k < columns.last; ++k) {
            largest = std::max(largest, static_cast<double>(pixels[i * width + k]));
          }
        }
        *out++ = rounded<T>(largest);
      }
    }
  });
}

}  // namespace drawbar::ops
