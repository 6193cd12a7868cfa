#include "ops/deform_conv/op.h"

#include <algorithm>
#include <cmath>

#include "ops/conv/op.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(DeformConv);

namespace {

/// x at (row, column) between pixels; what lies outside is zero.
template <class T>
double bilinear(const T* plane, int64_t height, int64_t width, double row, double column) {
  if (!(row > -1 && row < static_cast<double>(height))) return 0;
  if (!(column > -1 && column < static_cast<double>(width))) return 0;
  const double top = std::floor(row), left = std::floor(column);
  const double down = row - top, right = column - left;
  const auto y = static_cast<int64_t>(top), x = static_cast<int64_t>(left);
  const auto pixel = [&](int64_t i, int64_t k) {
    const bool inside = i >= 0 && i < height && k >= 0 && k < width;
    return inside ? static_cast<double>(plane[i * width + k]) : 0.0;
  };
  return (1 - down) * ((1 - right) * pixel(y, x) + right * pixel(y, x + 1)) +
         down * ((1 - right) * pixel(y + 1, x) + right * pixel(y + 1, x + 1));
}

/// Reads the displaced inputs of one image and channel into columns [taps, outputs].
template <class T>
void gather(const Window3& window, const T* plane, const T* offset, const T* mask,
            double* columns) {
  const int64_t outputs = window.outputs();
  for (int64_t tap = 0; tap < window.taps(); ++tap) {
    const int64_t ky = tap / window.kernel[2], kx = tap % window.kernel[2];
    for (int64_t o = 0; o < outputs; ++o) {
      const int64_t oy = o / window.output[2], ox = o % window.output[2];
      const double row =
          static_cast<double>(oy * window.stride[1] - window.pad[1] + ky * window.dilation[1]) +
          static_cast<double>(offset[2 * tap * outputs + o]);
      const double column =
          static_cast<double>(ox * window.stride[2] - window.pad[2] + kx * window.dilation[2]) +
          static_cast<double>(offset[(2 * tap + 1) * outputs + o]);
      const double value = bilinear(plane, window.input[1], window.input[2], row, column);
      columns[tap * outputs + o] =
          mask ? value * static_cast<double>(mask[tap * outputs + o]) : value;
    }
  }
}

template <class T>
void convolve(const DeformConv& op, Evaluation& e, const Window3& window, Tensor& y) {
  const Tensor &x = e.input(0), &w = e.input(1), &offset = e.input(2);
  const T* bias = e.has(3) ? e.input(3).data<T>() : nullptr;
  const T* mask = e.has(4) ? e.input(4).data<T>() : nullptr;
  const int64_t images = x.dim(0), channels = x.dim(1), out_channels = w.dim(0);
  const int64_t taps = window.taps(), outputs = window.outputs(), share = w.dim(1);
  const int64_t displaced = taps * outputs;
  e.pool().parallel_for(images * op.group, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<double> columns(static_cast<size_t>(share * displaced));
    std::vector<double> sums(static_cast<size_t>(outputs));
    for (int64_t part = begin; part < end; ++part) {
      const int64_t image = part / op.group, g = part % op.group;
      for (int64_t c = 0; c < share; ++c) {
        e.checkpoint();
        const int64_t channel = g * share + c;
        const int64_t set = image * op.offset_group + channel / (channels / op.offset_group);
        gather(window, x.data<T>() + (image * channels + channel) * window.inputs(),
               offset.data<T>() + set * 2 * displaced, mask ? mask + set * displaced : nullptr,
               columns.data() + c * displaced);
      }
      for (int64_t m = g * (out_channels / op.group); m < (g + 1) * (out_channels / op.group);
           ++m) {
        e.checkpoint();
        std::fill(sums.begin(), sums.end(), bias ? static_cast<double>(bias[m]) : 0.0);
        for (int64_t k = 0; k < share * taps; ++k) {
          const auto factor = static_cast<double>(w.data<T>()[m * share * taps + k]);
          const double* column = columns.data() + k * outputs;
          for (int64_t o = 0; o < outputs; ++o) sums[static_cast<size_t>(o)] += factor * column[o];
        }
        std::transform(sums.begin(), sums.end(), y.data<T>() + (image * out_channels + m) * outputs,
                       rounded<T>);
      }
    }
  });
}

void check_map(const Infer& context, size_t i, const Dims& y, int64_t channels,
               std::string_view what) {
  if (!context.has(i) || !context.ranked(i)) return;
  context.expect_rank(i, 4, what);
  const Dims& dims = context.dims(i);
  Infer::same(dims[0], y[0], fmt::format("images of {} and x", what));
  Infer::same(dims[1], channels, fmt::format("channels of {}", what));
  for (size_t axis : {2, 3}) {
    Infer::same(dims[axis], y[axis], fmt::format("dimension {} of {} and y", axis, what));
  }
}

}  // namespace

void infer(const DeformConv& op, Infer& context) {
  context.expect_inputs(3, 5);
  const ElementType element = context.element(0);
  if (!is_floating(element)) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (context.has(i) && context.element(i) != element) {
      fail(ErrorCode::invalid_model, "input {} is {}, expected {} as x is", i,
           name(context.element(i)), name(element));
    }
  }
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  if (!y) return context.unranked(0, element);
  if (y->size() != 4) {
    fail(ErrorCode::unsupported, "{} spatial dimensions, 2 are supported", y->size() - 2);
  }
  const Dim& channels = context.dims(0)[1];
  if (op.offset_group < 1 || (channels.is_constant() && channels.value() % op.offset_group != 0)) {
    fail(ErrorCode::invalid_model, "offset_group is {}, expected a divisor of {} channels",
         op.offset_group, channels.str());
  }
  const Dims& w = context.dims(1);
  const Dim taps = w[2] * w[3] * op.offset_group;
  check_map(context, 2, *y, (taps * 2).value(), "offset");
  check_map(context, 4, *y, taps.value(), "mask");
  if (context.has(3) && context.ranked(3)) {
    context.expect_rank(3, 1, "b");
    Infer::same(context.dims(3)[0], (*y)[1], "b's size and w's output channels");
  }
  context.output(0, element, *y);
}

Dim operations(const DeformConv& op, const Infer& context) {
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  if (!y) return Dim(0);
  Dim product(2);
  for (const Dim& dim : *y) product = product * dim;
  for (size_t i = 1; i < context.dims(1).size(); ++i) product = product * context.dims(1)[i];
  return product;
}

void reference(const DeformConv& op, Evaluation& e) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const Window3 window(convolution_window(op, w.shape()), x.shape());
  Tensor& y = e.output(0, x.type(), {x.dim(0), w.dim(0), window.output[1], window.output[2]});
  with_element_type(x.type(), [&](auto type) { convolve<decltype(type)>(op, e, window, y); });
}

}  // namespace drawbar::ops
