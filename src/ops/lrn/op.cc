#include "ops/lrn/op.h"

#include <cmath>

#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(Lrn);

void infer(const Lrn& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  if (op.size < 1) fail(ErrorCode::invalid_model, "size is {}, expected at least 1", op.size);
  if (context.ranked(0) && context.rank(0) < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  }
  context.output(0, context.type(0));
}

bool keeps_rows(const Lrn&, const Infer&, const std::vector<bool>& batched) { return batched[0]; }

Dim operations(const Lrn&, const Infer& context) { return Dim(50) * context.tensor(0).size(); }

void reference(const Lrn& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  if (x.size() == 0) return;
  const int64_t channels = x.dim(1), length = x.size() / x.dim(0) / channels;
  const int64_t before = (op.size - 1) / 2, after = op.size - 1 - before;
  const double factor = static_cast<double>(op.alpha) / static_cast<double>(op.size);
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    e.pool().parallel_for(x.dim(0) * channels, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t plane = begin; plane < end; ++plane) {
        e.checkpoint();
        const int64_t c = plane % channels, image = plane - c;
        const int64_t first = std::max<int64_t>(c - before, 0);
        const int64_t last = after >= channels - c ? channels - 1 : c + after;
        for (int64_t i = 0; i < length; ++i) {
          double sum = 0;
          for (int64_t k = first; k <= last; ++k) {
            const auto v = static_cast<double>(x.data<T>()[(image + k) * length + i]);
            sum += v * v;
          }
          const double base = static_cast<double>(op.bias) + factor * sum;
          y.data<T>()[plane * length + i] =
              rounded<T>(static_cast<double>(x.data<T>()[plane * length + i]) *
                         std::pow(base, -static_cast<double>(op.beta)));
        }
      }
    });
  });
}

}  // namespace drawbar::ops
