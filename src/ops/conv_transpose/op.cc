#include "ops/conv_transpose/op.h"

#include "ops/conv/post.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvTranspose);

namespace {

/// One spatial axis: how large y is and how much is cut off in front of it.
struct Axis {
  Dim output, pad;
};

Axis axis_of(const ConvTranspose& op, const Window& w, size_t i, const Dim& input) {
  const int64_t more = op.output_padding.empty() ? 0 : op.output_padding[i];
  const Dim whole = (input - 1) * w.strides[i] + more + w.extent(i);
  if (op.output_shape.empty() && w.auto_pad == AutoPad::pads) {
    return {whole - w.pads_begin[i] - w.pads_end[i], w.pads_begin[i]};
  }
  const Dim output =
      op.output_shape.empty() ? input * w.strides[i] + more : Dim(op.output_shape[i]);
  const Dim cut = max(whole - output, 0);
  const Dim half = floor_div(cut, 2);
  return {output, w.auto_pad == AutoPad::same_upper ? half : cut - half};
}

void check_list(const std::vector<int64_t>& list, size_t rank, int64_t least,
                std::string_view what) {
  if (list.empty()) return;
  if (list.size() != rank) {
    fail(ErrorCode::invalid_model, "{} has {} numbers, expected {}", what, list.size(), rank);
  }
  for (size_t i = 0; i < rank; ++i) {
    if (list[i] < least || list[i] > std::numeric_limits<int32_t>::max()) {
      fail(ErrorCode::invalid_model, "{}[{}] is {}, expected {} to 2^31 - 1", what, i, list[i],
           least);
    }
  }
}

Window checked(const ConvTranspose& op, std::vector<int64_t> kernel) {
  Window window = window_of(op, std::move(kernel));
  check_list(op.output_padding, window.rank(), 0, "output_padding");
  check_list(op.output_shape, window.rank(), 1, "output_shape");
  return window;
}

std::optional<Dims> output_dims(const ConvTranspose& op, const Infer& context) {
  if (op.group < 1) fail(ErrorCode::invalid_model, "group is {}, expected at least 1", op.group);
  if (!context.ranked(0) || !context.ranked(1)) return std::nullopt;
  const Dims &x = context.dims(0), &w = context.dims(1);
  if (x.size() < 3) fail(ErrorCode::invalid_model, "x has rank {}, expected at least 3", x.size());
  if (w.size() != x.size()) {
    fail(ErrorCode::invalid_model, "w has rank {}, expected {} as x has", w.size(), x.size());
  }
  Infer::same(x[1], w[0], "x's and w's input channels");
  if (x[1].is_constant() && x[1].value() % op.group != 0) {
    fail(ErrorCode::invalid_model, "x has {} channels, expected a multiple of group {}",
         x[1].value(), op.group);
  }
  std::vector<int64_t> kernel;
  for (size_t i = 2; i < w.size(); ++i) {
    if (!w[i].is_constant()) return std::nullopt;
    kernel.push_back(w[i].value());
  }
  const Window window = checked(op, std::move(kernel));
  Dims y = {x[0], w[1] * op.group};
  for (size_t i = 0; i < window.rank(); ++i) {
    y.push_back(axis_of(op, window, i, x[i + 2]).output);
    if (y.back().is_constant() && y.back().value() < 0) {
      fail(ErrorCode::invalid_model, "spatial dimension {} of y is {}", i, y.back().value());
    }
  }
  return y;
}

/// Adds one image's contribution of one group's channels to one output channel.
template <class T>
void scatter(const Window3& window, int64_t channels, int64_t weight_step, const T* x, const T* w,
             double* sums) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t tap = 0; tap < window.taps(); ++tap) {
      const int64_t k[3] = {tap / window.kernel[2] / window.kernel[1],
                            tap / window.kernel[2] % window.kernel[1], tap % window.kernel[2]};
      int64_t offset[3];
      Range valid[3];
      for (int axis = 0; axis < 3; ++axis) {
        offset[axis] = k[axis] * window.dilation[axis] - window.pad[axis];
        valid[axis] = valid_positions(window.input[axis], window.output[axis], window.stride[axis],
                                      offset[axis]);
      }
      const auto factor = static_cast<double>(w[c * weight_step + tap]);
      for (int64_t d = valid[0].first; d < valid[0].last; ++d) {
        for (int64_t h = valid[1].first; h < valid[1].last; ++h) {
          const T* from = x + ((c * window.input[0] + d) * window.input[1] + h) * window.input[2];
          double* to = sums + ((d * window.stride[0] + offset[0]) * window.output[1] +
                               h * window.stride[1] + offset[1]) *
                                  window.output[2];
          for (int64_t i = valid[2].first; i < valid[2].last; ++i) {
            to[i * window.stride[2] + offset[2]] += factor * static_cast<double>(from[i]);
          }
        }
      }
    }
  }
}

template <class T>
void convolve(const ConvTranspose& op, Evaluation& e, const Window3& window, Tensor& y) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const T* bias = e.has(2) ? e.input(2).data<T>() : nullptr;
  const int64_t channels = x.dim(1) / op.group, group_outputs = w.dim(1);
  const int64_t out_channels = y.dim(1), outputs = window.outputs();
  const ConvolutionPost post(op.post, e, y.shape());
  e.pool().parallel_for(x.dim(0) * out_channels, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<double> sums(static_cast<size_t>(outputs)), values;
    for (int64_t plane = begin; plane < end; ++plane) {
      e.checkpoint();
      const int64_t image = plane / out_channels, m = plane % out_channels;
      const int64_t first = m / group_outputs * channels;
      std::fill(sums.begin(), sums.end(), bias ? static_cast<double>(bias[m]) : 0.0);
      scatter(window, channels, group_outputs * window.taps(),
              x.data<T>() + (image * x.dim(1) + first) * window.inputs(),
              w.data<T>() + (first * group_outputs + m % group_outputs) * window.taps(),
              sums.data());
      for (int64_t o = 0; o < outputs; ++o) {
        y.data<T>()[plane * outputs + o] =
            rounded<T>(post(sums[static_cast<size_t>(o)], image, m, o, values));
      }
    }
  });
}

}  // namespace

Window3 transposed_window(const ConvTranspose& op, const Shape& x, const Shape& w) {
  const Window window = checked(op, {w.begin() + 2, w.end()});
  Window3 result;
  const size_t rank = window.rank();
  if (rank > 3) {
    fail(ErrorCode::unsupported, "{} spatial dimensions, at most 3 are supported", rank);
  }
  for (size_t i = 0; i < rank; ++i) {
    const size_t to = i + 3 - rank;
    const Axis axis = axis_of(op, window, i, x[i + 2]);
    result.input[to] = x[i + 2];
    result.output[to] = axis.output.value();
    result.pad[to] = axis.pad.value();
    result.kernel[to] = window.kernel[i];
    result.stride[to] = window.strides[i];
    result.dilation[to] = window.dilations[i];
  }
  return result;
}

void infer(const ConvTranspose& op, Infer& context) {
  check_convolution_inputs(op.post, context);
  const std::optional<Dims> y = output_dims(op, context);
  if (!y) return context.unranked(0, context.element(0));
  check_convolution_extras(context, *y);
  context.output(0, context.element(0), *y);
}

bool keeps_rows(const ConvTranspose&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && !batched[1] && (!context.has(2) || !batched[2]) &&
         rows_broadcast(context, batched, context.rank(0), 3);
}

Dim operations(const ConvTranspose& op, const Infer& context) {
  const std::optional<Dims> y = output_dims(op, context);
  if (!y) return Dim(0);
  Dim product = context.tensor(0).size() * 2, outputs(1);
  for (size_t i = 1; i < context.dims(1).size(); ++i) product = product * context.dims(1)[i];
  for (const Dim& dim : *y) outputs = outputs * dim;
  return product + outputs * op.post.operations();
}

void reference(const ConvTranspose& op, Evaluation& e) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const Window3 window = transposed_window(op, x.shape(), w.shape());
  Shape shape = {x.dim(0), w.dim(1) * op.group};
  for (int64_t i = 2; i < x.rank(); ++i) shape.push_back(window.output[i + 3 - x.rank()]);
  Tensor& y = e.output(0, x.type(), shape);
  with_element_type(x.type(), [&](auto type) { convolve<decltype(type)>(op, e, window, y); });
}

}  // namespace drawbar::ops
