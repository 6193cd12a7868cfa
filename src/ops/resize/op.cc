#include "ops/resize/op.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "ops/resize/taps.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(Resize);

namespace {

/// x as [before, length, after] around one axis.
struct Split {
  int64_t before = 1, after = 1;
  Split(const Shape& shape, size_t axis) {
    for (size_t i = 0; i < axis; ++i) before *= shape[i];
    for (size_t i = axis + 1; i < shape.size(); ++i) after *= shape[i];
  }
};

template <class T>
void copy_nearest(const T* x, T* y, const std::vector<ResizeAxis>& axes, const ResizeTaps* taps,
                  T outside) {
  if (axes.empty()) {
    *y = *x;
    return;
  }
  // An odometer over all axes but the last; each keeps the offset in x of the axes before it.
  const size_t rank = axes.size();
  int64_t lines = 1;
  for (size_t i = 0; i + 1 < rank; ++i) lines *= axes[i].outputs;
  const ResizeTaps& inner = taps[rank - 1];
  for (int64_t line = 0; line < lines; ++line) {
    int64_t rest = line, step = axes[rank - 1].inputs, start = 0;
    bool beyond = false;
    for (size_t i = rank - 1; i-- > 0;) {
      const auto o = static_cast<size_t>(rest % axes[i].outputs);
      rest /= axes[i].outputs;
      start += taps[i].index[o] * step;
      beyond |= !taps[i].outside.empty() && taps[i].outside[o];
      step *= axes[i].inputs;
    }
    for (size_t o = 0; o < static_cast<size_t>(axes[rank - 1].outputs); ++o) {
      const bool out = beyond || (!inner.outside.empty() && inner.outside[o]);
      *y++ = out ? outside : x[start + inner.index[o]];
    }
  }
}

/// Elements of one size are copied alike.
template <class F>
void with_storage(ElementType type, F&& f) {
  switch (bits(type)) {
    case 8:
      return f(uint8_t{});
    case 16:
      return f(uint16_t{});
    case 32:
      return f(uint32_t{});
    case 64:
      return f(uint64_t{});
    case 128:
      return f(std::complex<double>{});
    default:
      fail(ErrorCode::unsupported, "resizing of {}", name(type));
  }
}

void resize_nearest(const Resize& op, const Tensor& x, Tensor& y,
                    const std::vector<ResizeAxis>& axes, const std::vector<ResizeTaps>& taps) {
  if (x.type() == ElementType::string) {
    return copy_nearest(x.data<std::string>(), y.data<std::string>(), axes, taps.data(), {});
  }
  Tensor outside = Tensor::allocate(x.type(), {1});
  if (kind(x.type()) != ElementKind::complex) {
    write_number(outside, 0, static_cast<double>(op.extrapolation_value));
  }
  with_storage(x.type(), [&](auto storage) {
    using T = decltype(storage);
    copy_nearest(static_cast<const T*>(x.raw()), static_cast<T*>(y.raw()), axes, taps.data(),
                 *static_cast<const T*>(outside.raw()));
  });
}

template <class T>
T saturated(double value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const auto low = static_cast<double>(std::numeric_limits<T>::min());
    const auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (!(value > low)) return std::numeric_limits<T>::min();
    if (value >= high) return std::numeric_limits<T>::max();
  }
  return rounded<T>(value);
}

/// Interpolation is separable: one axis after the other, in double precision.
std::vector<double> interpolate(const Resize& op, const Tensor& x,
                                const std::vector<ResizeAxis>& axes,
                                const std::vector<ResizeTaps>& taps, Evaluation& e) {
  std::vector<double> from(static_cast<size_t>(x.size())), to;
  with_element_type(x.type(), [&](auto type) {
    const auto* source = x.data<decltype(type)>();
    std::transform(source, source + x.size(), from.begin(),
                   [](auto v) { return static_cast<double>(v); });
  });
  Shape shape = x.shape();
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].identity(op)) continue;
    const Split split(shape, i);
    const int64_t inputs = axes[i].inputs, outputs = axes[i].outputs, count = taps[i].count;
    shape[i] = outputs;
    to.assign(static_cast<size_t>(element_count(shape)), 0);
    for (int64_t line = 0; line < split.before * outputs; ++line) {
      e.checkpoint();
      const int64_t image = line / outputs, o = line % outputs;
      double* result = to.data() + line * split.after;
      if (!taps[i].outside.empty() && taps[i].outside[static_cast<size_t>(o)]) {
        std::fill_n(result, split.after, static_cast<double>(op.extrapolation_value));
        continue;
      }
      for (int64_t k = o * count; k < (o + 1) * count; ++k) {
        const auto weight = static_cast<double>(taps[i].weight[static_cast<size_t>(k)]);
        const double* source =
            from.data() + (image * inputs + taps[i].index[static_cast<size_t>(k)]) * split.after;
        for (int64_t a = 0; a < split.after; ++a) result[a] += weight * source[a];
      }
    }
    from.swap(to);
  }
  return from;
}

Dims inferred_dims(const Resize& op, Infer& context) {
  const Dims& x = context.dims(0);
  std::vector<int64_t> axes = op.axes;
  for (int64_t i = 0; op.axes.empty() && i < context.rank(0); ++i) axes.push_back(i);
  const bool by_size = context.has(3);
  const size_t input = by_size ? 3 : 2;
  if (context.ranked(input)) {
    context.expect_rank(input, 1, by_size ? "sizes" : "scales");
    Infer::same(context.dims(input)[0], Dim(static_cast<int64_t>(axes.size())),
                by_size ? "numbers in sizes and axes" : "numbers in scales and axes");
  }
  const TensorType& type = context.tensor(0);
  const bool known = context.constant(input) && type.is_static();
  if (known && !(context.has(1) && !context.constant(1))) {
    Dims y;
    for (const ResizeAxis& axis :
         resize_axes(op, type.shape(), context.constant(1), by_size ? nullptr : context.constant(2),
                     context.constant(3))) {
      y.emplace_back(axis.outputs);
    }
    return y;
  }
  Dims y = x;
  const std::optional<Dims> sizes = by_size ? context.content(3) : std::nullopt;
  const Tensor* scales = by_size ? nullptr : context.constant(2);
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = y[static_cast<size_t>(Infer::axis(axes[i], context.rank(0)))];
    if (sizes && op.policy == ResizePolicy::stretch) {
      dim = (*sizes)[i];
      if (dim.is_constant() && dim.value() < 0) {
        fail(ErrorCode::invalid_model, "sizes[{}] is {}, expected at least 0", i, dim.value());
      }
    } else if (scales) {
      dim = scaled_size(dim, static_cast<float>(read_number(*scales, static_cast<int64_t>(i))));
    } else {
      dim = context.fresh("size", dim * 16);
    }
  }
  return y;
}

const Tensor* optional_input(Evaluation& e, size_t i) { return e.has(i) ? &e.input(i) : nullptr; }

}  // namespace

void infer(const Resize& op, Infer& context) {
  context.expect_inputs(1, 4);
  if (context.has(2) == context.has(3)) {
    fail(ErrorCode::invalid_model, "has {} scales and sizes, expected one of them",
         context.has(2) ? "both" : "no");
  }
  const ElementType element = context.element(0);
  const bool number = is_floating(element) || is_integer(element);
  if (op.mode != ResizeMode::nearest && !number) {
    fail(ErrorCode::invalid_model, "x is {}, expected numbers", name(element));
  }
  if (context.has(2) && context.element(2) != ElementType::f32) {
    fail(ErrorCode::invalid_model, "scales are {}, expected f32", name(context.element(2)));
  }
  if (context.has(3) && context.element(3) != ElementType::i64) {
    fail(ErrorCode::invalid_model, "sizes are {}, expected i64", name(context.element(3)));
  }
  const bool crops = op.coordinates == ResizeCoordinates::tf_crop_and_resize;
  if (crops && !context.has(1)) fail(ErrorCode::invalid_model, "roi is missing");
  if (context.has(1) && !is_floating(context.element(1))) {
    fail(ErrorCode::invalid_model, "roi is {}, expected a float type", name(context.element(1)));
  }
  if (!context.ranked(0)) return context.unranked(0, element);
  std::vector<bool> seen(context.dims(0).size());
  for (int64_t axis : op.axes) {
    const auto i = static_cast<size_t>(Infer::axis(axis, context.rank(0)));
    if (seen[i]) fail(ErrorCode::invalid_model, "axes names {} twice", i);
    seen[i] = true;
  }
  context.output(0, element, inferred_dims(op, context));
}

bool keeps_rows(const Resize& op, const Infer& context, const std::vector<bool>& batched) {
  if (!batched[0] || op.coordinates == ResizeCoordinates::tf_crop_and_resize) return false;
  if (op.policy != ResizePolicy::stretch) return false;
  for (int64_t axis : op.axes) {
    if (Infer::axis(axis, context.rank(0)) == 0) return false;
  }
  if (!op.axes.empty()) return true;
  if (context.has(2)) return context.constant(2) && read_number(*context.constant(2), 0) == 1;
  return context.constant(3) && Dim(read_integer(*context.constant(3), 0)) == context.dims(0)[0];
}

Dim operations(const Resize& op, const Infer& context) {
  const int64_t per_input[] = {0, 8, 32};
  return context.tensor(0).size() * per_input[static_cast<size_t>(op.mode)];
}

void reference(const Resize& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const std::vector<ResizeAxis> axes =
      resize_axes(op, x.shape(), optional_input(e, 1), optional_input(e, 2), optional_input(e, 3));
  Shape shape;
  std::vector<ResizeTaps> taps;
  for (const ResizeAxis& axis : axes) shape.push_back(axis.outputs);
  Tensor& y = e.output(0, x.type(), shape);
  if (y.size() == 0) return;
  for (const ResizeAxis& axis : axes) taps.push_back(resize_taps(op, axis));
  if (op.mode == ResizeMode::nearest) return resize_nearest(op, x, y, axes, taps);
  const std::vector<double> result = interpolate(op, x, axes, taps, e);
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    std::transform(result.begin(), result.end(), y.data<T>(), saturated<T>);
  });
}

}  // namespace drawbar::ops
