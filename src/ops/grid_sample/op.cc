#include "ops/grid_sample/op.h"

#include <cmath>

#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(GridSample);

namespace {

constexpr size_t most_axes = 3;

/// The elements of one axis that a sample reads; index -1 counts as zero.
struct AxisTaps {
  int count = 0;
  int64_t index[4];
  double weight[4];
};

double reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  const double distance = x < low ? low - x : x > high ? x - high : -1;
  if (!(distance >= 0)) return x;  // inside
  const double turns = std::floor(distance / range);
  const double rest = distance - turns * range;
  const bool from_low = (x < low) == (std::fmod(turns, 2) == 0);
  return from_low ? low + rest : high - rest;
}

class Sampler {
 public:
  Sampler(const GridSample& op, int64_t size) : op_(op), size_(size) {
    low_ = op.align_corners ? 0 : -0.5;
    high_ = static_cast<double>(size) - (op.align_corners ? 1 : 0.5);
  }

  /// `position` is the grid's coordinate. Not-a-number and infinities read the first element.
  AxisTaps taps(double position) const {
    const auto size = static_cast<double>(size_);
    double x =
        op_.align_corners ? (position + 1) / 2 * (size - 1) : ((position + 1) * size - 1) / 2;
    if (op_.mode == SampleMode::nearest) x = std::nearbyint(x);
    if (op_.padding == SamplePadding::border) x = std::min(std::max(x, 0.0), size - 1);
    if (op_.padding == SamplePadding::reflection) x = reflect(x, low_, high_);
    if (!(std::abs(x) < 1e15)) x = op_.padding == SamplePadding::zeros ? -8 : 0;
    const double floor = std::floor(x), t = x - floor;
    AxisTaps result;
    if (op_.mode == SampleMode::nearest) {
      add(result, x, 1);
    } else if (op_.mode == SampleMode::linear) {
      add(result, floor, 1 - t);
      add(result, floor + 1, t);
    } else {
      add(result, floor - 1, outer(1 + t));
      add(result, floor, inner(t));
      add(result, floor + 1, inner(1 - t));
      add(result, floor + 2, outer(2 - t));
    }
    return result;
  }

 private:
  static constexpr double a = -0.75;
  static double inner(double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; }
  static double outer(double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; }

  void add(AxisTaps& taps, double at, double weight) const {
    const auto last = static_cast<double>(size_ - 1);
    if (op_.padding == SamplePadding::border) at = std::min(std::max(at, 0.0), last);
    if (op_.padding == SamplePadding::reflection) {
      at = std::min(std::max(std::trunc(reflect(at, low_, high_)), 0.0), last);
    }
    const bool inside = at >= 0 && at <= last;
    taps.index[taps.count] = inside ? static_cast<int64_t>(at) : -1;
    taps.weight[taps.count++] = weight;
  }

  const GridSample& op_;
  int64_t size_;
  double low_, high_;
};

/// The elements of a plane that one sample reads.
struct Taps {
  int64_t offset[64];
  double weight[64];
  int count = 0;
};

void combine(const std::vector<AxisTaps>& axes, const Shape& strides, size_t axis, int64_t offset,
             double weight, Taps& taps) {
  if (axis == axes.size()) {
    taps.offset[taps.count] = offset;
    taps.weight[taps.count++] = weight;
    return;
  }
  for (int k = 0; k < axes[axis].count; ++k) {
    if (axes[axis].index[k] < 0) continue;
    combine(axes, strides, axis + 1, offset + axes[axis].index[k] * strides[axis],
            weight * axes[axis].weight[k], taps);
  }
}

template <class T>
void sample(const GridSample& op, Evaluation& e, Tensor& y) {
  const Tensor &x = e.input(0), &grid = e.input(1);
  const auto rank = static_cast<size_t>(x.rank() - 2);
  std::vector<Sampler> samplers;
  Shape strides(rank, 1);
  int64_t plane = 1;
  for (size_t i = rank; i-- > 0;) {
    strides[i] = plane;
    plane *= x.shape()[i + 2];
  }
  for (size_t i = 0; i < rank; ++i) samplers.emplace_back(op, x.shape()[i + 2]);
  const int64_t channels = x.dim(1), outputs = y.size() / y.dim(0) / channels;
  const bool doubles = grid.type() == ElementType::f64;
  e.pool().parallel_for(x.dim(0) * outputs, 256, [&](int64_t begin, int64_t end, int) {
    std::vector<AxisTaps> axes(rank);
    for (int64_t o = begin; o < end; ++o) {
      if (o % 4096 == 0) e.checkpoint();
      for (size_t i = 0; i < rank; ++i) {
        const auto at = static_cast<int64_t>(rank - 1 - i);
        const double position = read_number(grid, o * static_cast<int64_t>(rank) + at);
        axes[i] = samplers[i].taps(doubles ? position : static_cast<float>(position));
      }
      Taps taps;
      combine(axes, strides, 0, 0, 1, taps);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t image = o / outputs * channels + c;
        double sum = 0;
        for (int k = 0; k < taps.count; ++k) {
          sum += taps.weight[k] * static_cast<double>(x.data<T>()[image * plane + taps.offset[k]]);
        }
        y.data<T>()[image * outputs + o % outputs] = rounded<T>(sum);
      }
    }
  });
}

}  // namespace

void infer(const GridSample&, Infer& context) {
  context.expect_inputs(2, 2);
  for (size_t i : {0, 1}) {
    if (!is_floating(context.element(i))) {
      fail(ErrorCode::invalid_model, "{} is {}, expected a float type", i ? "grid" : "x",
           name(context.element(i)));
    }
  }
  if (!context.ranked(0) || !context.ranked(1)) return context.unranked(0, context.element(0));
  const Dims &x = context.dims(0), &grid = context.dims(1);
  if (x.size() < 3 || x.size() > most_axes + 2) {
    fail(ErrorCode::unsupported, "x has rank {}, expected 3 to {}", x.size(), most_axes + 2);
  }
  context.expect_rank(1, context.rank(0), "grid");
  Infer::same(grid.back(), context.rank(0) - 2, "numbers of a position and x's spatial dimensions");
  Dims y = {Infer::same(x[0], grid[0], "images of x and grid"), x[1]};
  y.insert(y.end(), grid.begin() + 1, grid.end() - 1);
  context.output(0, context.element(0), y);
}

Dim operations(const GridSample& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1)) return Dim(0);
  const int64_t per_axis[] = {1, 2, 4};
  int64_t taps = 2;
  for (int64_t i = 2; i < context.rank(0); ++i) taps *= per_axis[static_cast<size_t>(op.mode)];
  Dim outputs = context.dims(0)[1] * taps;
  for (size_t i = 0; i + 1 < context.dims(1).size(); ++i) outputs = outputs * context.dims(1)[i];
  return outputs;
}

void reference(const GridSample& op, Evaluation& e) {
  const Tensor &x = e.input(0), &grid = e.input(1);
  Shape shape = {x.dim(0), x.dim(1)};
  shape.insert(shape.end(), grid.shape().begin() + 1, grid.shape().end() - 1);
  Tensor& y = e.output(0, x.type(), shape);
  if (y.size() == 0) return;
  if (x.size() == 0) fail(ErrorCode::invalid_argument, "x is empty, there is nothing to sample");
  with_element_type(x.type(), [&](auto type) { sample<decltype(type)>(op, e, y); });
}

}  // namespace drawbar::ops
