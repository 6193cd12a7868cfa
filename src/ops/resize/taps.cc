#include "ops/resize/taps.h"

#include <algorithm>
#include <cmath>

namespace drawbar::ops {
namespace {

float source_coordinate(const Resize& op, const ResizeAxis& axis, int64_t output) {
  const auto o = static_cast<float>(output), last = static_cast<float>(axis.inputs - 1);
  const float length = axis.length;
  switch (op.coordinates) {
    case ResizeCoordinates::half_pixel_symmetric: {
      const float adjustment = static_cast<float>(axis.outputs) / length;
      const float offset = static_cast<float>(axis.inputs) / 2 * (1 - adjustment);
      return offset + (o + 0.5f) / axis.scale - 0.5f;
    }
    case ResizeCoordinates::pytorch_half_pixel:
      return length == 1 ? -0.5f : (o + 0.5f) / axis.scale - 0.5f;
    case ResizeCoordinates::align_corners:
      return length == 1 ? 0 : o * last / (length - 1);
    case ResizeCoordinates::asymmetric:
      return o / axis.scale;
    case ResizeCoordinates::tf_half_pixel_for_nn:
      return (o + 0.5f) / axis.scale;
    case ResizeCoordinates::tf_crop_and_resize:
      if (length == 1) return (axis.roi_start + axis.roi_end) * last / 2;
      return axis.roi_start * last + o * (axis.roi_end - axis.roi_start) * last / (length - 1);
    default:
      return (o + 0.5f) / axis.scale - 0.5f;
  }
}

float round_coordinate(ResizeRounding rounding, float x) {
  switch (rounding) {
    case ResizeRounding::floor:
      return std::floor(x);
    case ResizeRounding::ceil:
      return std::ceil(x);
    case ResizeRounding::round_prefer_ceil:
      return std::floor(x + 0.5f);
    default:
      return std::ceil(x - 0.5f);
  }
}

/// The cubic convolution kernel of Keys (1981) with parameter a.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

double kernel(const Resize& op, double x) {
  if (op.mode == ResizeMode::cubic) return cubic(x, static_cast<double>(op.cubic_coeff_a));
  return std::max(0.0, 1 - std::abs(x));
}

int64_t clamped(double index, int64_t inputs) {
  if (!(index > 0)) return 0;  // not-a-number too
  return static_cast<int64_t>(std::min(index, static_cast<double>(inputs - 1)));
}

}  // namespace

ResizeTaps resize_taps(const Resize& op, const ResizeAxis& axis) {
  ResizeTaps taps;
  if (axis.outputs == 0) return taps;
  // The kernel's reach to either side, stretched when it averages downwards.
  const double reach = op.mode == ResizeMode::cubic ? 2 : 1;
  const double squeeze = op.antialias ? std::min(1.0, static_cast<double>(axis.scale)) : 1.0;
  const auto first = static_cast<int64_t>(std::floor(-reach / squeeze)) + 1;
  if (op.mode != ResizeMode::nearest) taps.count = 2 - 2 * first;
  taps.index.reserve(static_cast<size_t>(axis.outputs * taps.count));
  taps.weight.reserve(static_cast<size_t>(axis.outputs * taps.count));
  std::vector<double> weights(static_cast<size_t>(taps.count));
  for (int64_t o = 0; o < axis.outputs; ++o) {
    const float x = source_coordinate(op, axis, o);
    if (op.coordinates == ResizeCoordinates::tf_crop_and_resize) {
      taps.outside.push_back(!(x >= 0 && x <= static_cast<float>(axis.inputs - 1)));
    }
    if (op.mode == ResizeMode::nearest) {
      taps.index.push_back(clamped(round_coordinate(op.rounding, x), axis.inputs));
      taps.weight.push_back(1);
      continue;
    }
    const double floor = std::floor(static_cast<double>(x)), ratio = static_cast<double>(x) - floor;
    double sum = 0;
    for (int64_t k = 0; k < taps.count; ++k) {
      const double offset = static_cast<double>(first + k), at = floor + offset;
      double weight = kernel(op, (offset - ratio) * squeeze);
      if (op.exclude_outside && (at < 0 || at >= static_cast<double>(axis.inputs))) weight = 0;
      weights[static_cast<size_t>(k)] = weight;
      sum += weight;
      taps.index.push_back(clamped(at, axis.inputs));
    }
    const bool normalise = (op.antialias || op.exclude_outside) && sum != 0;
    for (double weight : weights) {
      taps.weight.push_back(static_cast<float>(normalise ? weight / sum : weight));
    }
  }
  return taps;
}

Dim scaled_size(const Dim& size, float scale) {
  if (!(scale > 0x1p-31f && scale < 0x1p31f)) {
    fail(ErrorCode::invalid_model, "scale is {}, expected 2^-31 to 2^31", scale);
  }
  // Convergents of the continued fraction, until one rounds to the scale.
  int64_t p = 1, q = 0, last_p = 0, last_q = 1;
  double rest = static_cast<double>(scale);
  for (int step = 0; step < 64; ++step) {
    const double whole = std::floor(rest);
    const auto digit = static_cast<int64_t>(whole);
    std::swap(p, last_p);
    std::swap(q, last_q);
    p += digit * last_p;
    q += digit * last_q;
    const double value = static_cast<double>(p) / static_cast<double>(q);
    if (static_cast<float>(value) == scale || rest == whole) break;
    rest = 1 / (rest - whole);
  }
  return floor_div(size * p, q);
}

std::vector<ResizeAxis> resize_axes(const Resize& op, const Shape& x, const Tensor* roi,
                                    const Tensor* scales, const Tensor* sizes) {
  const auto rank = static_cast<int64_t>(x.size());
  std::vector<ResizeAxis> result;
  for (int64_t dim : x) {
    result.push_back({.inputs = dim, .outputs = dim, .length = static_cast<float>(dim)});
  }
  std::vector<int64_t> axes = op.axes;
  if (axes.empty()) {
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  const auto count = static_cast<int64_t>(axes.size());
  const Tensor& given = sizes ? *sizes : *scales;
  if (given.size() != count) {
    fail(ErrorCode::invalid_model, "{} has {} numbers, expected {}", sizes ? "sizes" : "scales",
         given.size(), count);
  }
  if (roi && roi->size() != 2 * count) {
    fail(ErrorCode::invalid_model, "roi has {} numbers, expected {}", roi->size(), 2 * count);
  }
  float common = 0;
  for (int64_t i = 0; i < count; ++i) {
    ResizeAxis& axis = result[static_cast<size_t>(Infer::axis(axes[static_cast<size_t>(i)], rank))];
    if (sizes) {
      axis.outputs = read_integer(*sizes, i);
      if (axis.outputs < 0) {
        fail(ErrorCode::invalid_model, "sizes[{}] is {}, expected at least 0", i, axis.outputs);
      }
      axis.scale = static_cast<float>(axis.outputs) / static_cast<float>(axis.inputs);
      axis.length = static_cast<float>(axis.outputs);
    } else {
      axis.scale = static_cast<float>(read_number(*scales, i));
      axis.outputs = scaled_size(axis.inputs, axis.scale).value();
      axis.length = axis.scale * static_cast<float>(axis.inputs);
    }
    if (axis.inputs == 0 && axis.outputs > 0) {
      fail(ErrorCode::invalid_model, "dimension {} of x is 0 and cannot become {}", i,
           axis.outputs);
    }
    if (roi) {
      axis.roi_start = static_cast<float>(read_number(*roi, i));
      axis.roi_end = static_cast<float>(read_number(*roi, i + count));
    }
    const bool larger = op.policy == ResizePolicy::not_smaller;
    if (i == 0) common = axis.scale;
    common = larger ? std::max(common, axis.scale) : std::min(common, axis.scale);
  }
  for (int64_t i = 0; op.policy != ResizePolicy::stretch && sizes && i < count; ++i) {
    ResizeAxis& axis = result[static_cast<size_t>(Infer::axis(axes[static_cast<size_t>(i)], rank))];
    axis.scale = common;
    axis.length = common * static_cast<float>(axis.inputs);
    if (!(axis.length < 0x1p62f)) {
      fail(ErrorCode::invalid_model, "size {} is too large", axis.length);
    }
    axis.outputs = static_cast<int64_t>(axis.length + 0.5f);
  }
  return result;
}

std::optional<std::vector<ResizeAxis>> planned_axes(const Resize& op, const Shape& x,
                                                    const Shape& y,
                                                    const std::array<PlannedInput, 3>& inputs) {
  const auto& [roi, scales, sizes] = inputs;
  if (sizes.present && op.policy == ResizePolicy::stretch && !roi.present) {
    std::vector<ResizeAxis> axes;
    for (size_t i = 0; i < x.size(); ++i) {
      const auto length = static_cast<float>(y[i]);
      axes.push_back({.inputs = x[i],
                      .outputs = y[i],
                      .scale = length / static_cast<float>(x[i]),
                      .length = length});
    }
    return axes;
  }
  for (const PlannedInput& input : inputs) {
    if (input.present && !input.contents) return std::nullopt;
  }
  return resize_axes(op, x, roi.contents, scales.contents, sizes.contents);
}

}  // namespace drawbar::ops
