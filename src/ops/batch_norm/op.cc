#include "ops/batch_norm/op.h"

#include <algorithm>
#include <cmath>

#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(BatchNorm);

namespace {

constexpr std::string_view input_names[] = {"x", "scale", "b", "mean", "var"};

/// x as [images, channels, length].
struct Planes {
  int64_t images = 1, channels = 1, length = 1;
  explicit Planes(const Tensor& x) {
    if (x.rank() == 0) return;
    images = x.dim(0);
    if (x.rank() > 1) channels = x.dim(1);
    for (int64_t i = 2; i < x.rank(); ++i) length *= x.dim(i);
  }
};

struct Moments {
  double mean = 0, variance = 0;
};

template <class T>
Moments moments(const T* x, const Planes& planes, int64_t channel) {
  const auto count = static_cast<double>(planes.images * planes.length);
  Moments result;
  const auto sum = [&](auto term) {
    double total = 0;
    for (int64_t n = 0; n < planes.images; ++n) {
      const T* plane = x + (n * planes.channels + channel) * planes.length;
      for (int64_t i = 0; i < planes.length; ++i) total += term(static_cast<double>(plane[i]));
    }
    return total / count;
  };
  result.mean = sum([](double v) { return v; });
  result.variance = sum([&](double v) { return (v - result.mean) * (v - result.mean); });
  return result;
}

}  // namespace

void infer(const BatchNorm& op, Infer& context) {
  context.expect_inputs(5, 5);
  for (size_t i = 0; i < 5; ++i) {
    if (!is_floating(context.element(i))) {
      fail(ErrorCode::invalid_model, "{} is {}, expected a float type", input_names[i],
           name(context.element(i)));
    }
  }
  if (context.ranked(0)) {
    const Dim channels = context.rank(0) > 1 ? context.dims(0)[1] : Dim(1);
    for (size_t i = 1; i < 5; ++i) {
      if (!context.ranked(i)) continue;
      context.expect_rank(i, 1, input_names[i]);
      Infer::same(context.dims(i)[0], channels,
                  fmt::format("{}'s size and x's channels", input_names[i]));
    }
  }
  context.output(0, context.type(0));
  if (op.training) {
    context.output(1, context.type(3));
    context.output(2, context.type(4));
  } else if (context.outputs() > 1) {
    fail(ErrorCode::invalid_model, "has {} outputs, expected 1 where it does not train",
         context.outputs());
  }
}

bool keeps_rows(const BatchNorm& op, const Infer&, const std::vector<bool>& batched) {
  return !op.training && batched[0] &&
         std::find(batched.begin() + 1, batched.end(), true) == batched.end();
}

Dim operations(const BatchNorm&, const Infer& context) { return Dim(2) * context.tensor(0).size(); }

void reference(const BatchNorm& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  const Planes planes(x);
  const bool updates = op.training && e.outputs() > 2;
  Tensor* new_mean = updates ? &e.output(1, e.input(3).type(), e.input(3).shape()) : nullptr;
  Tensor* new_var = updates ? &e.output(2, e.input(4).type(), e.input(4).shape()) : nullptr;
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    for (int64_t c = 0; c < planes.channels; ++c) {
      e.checkpoint();
      Moments m{read_number(e.input(3), c), read_number(e.input(4), c)};
      if (op.training) {
        const Moments own = moments(x.data<T>(), planes, c);
        const double keep = op.momentum;
        if (updates) {
          write_number(*new_mean, c, m.mean * keep + own.mean * (1 - keep));
          write_number(*new_var, c, m.variance * keep + own.variance * (1 - keep));
        }
        m = own;
      }
      const double scale = read_number(e.input(1), c), shift = read_number(e.input(2), c);
      const double factor = scale / std::sqrt(m.variance + static_cast<double>(op.epsilon));
      for (int64_t n = 0; n < planes.images; ++n) {
        const int64_t start = (n * planes.channels + c) * planes.length;
        for (int64_t i = start; i < start + planes.length; ++i) {
          const double centred = static_cast<double>(x.data<T>()[i]) - m.mean;
          y.data<T>()[i] = rounded<T>(centred * factor + shift);
        }
      }
    }
  });
}

}  // namespace drawbar::ops
