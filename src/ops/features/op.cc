#include "ops/features/op.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drawbar::ops {

DRAWBAR_OP(Normalizer);

void infer(const Normalizer&, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType type = context.element(0);
  if (type != ElementType::f32 && type != ElementType::f64 && type != ElementType::i32 &&
      type != ElementType::i64) {
    fail(ErrorCode::invalid_model, "x is {}, expected f32, f64, i32 or i64", name(type));
  }
  if (!context.ranked(0)) return context.unranked(0, ElementType::f32);
  if (context.rank(0) < 1 || context.rank(0) > 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected 1 or 2", context.rank(0));
  }
  context.output(0, ElementType::f32, context.dims(0));
}

bool keeps_rows(const Normalizer&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && context.rank(0) == 2;
}

namespace {

template <class T>
double norm_of(RowNorm norm, const T* x, int64_t n) {
  double result = norm == RowNorm::max ? -std::numeric_limits<double>::infinity() : 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto value = static_cast<double>(x[i]);
    switch (norm) {
      case RowNorm::max:
        result = std::max(result, value);
        break;
      case RowNorm::l1:
        result += std::abs(value);
        break;
      case RowNorm::l2:
        result += value * value;
        break;
    }
  }
  return norm == RowNorm::l2 ? std::sqrt(result) : result;
}

}  // namespace

void reference(const Normalizer& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  float* y = e.output(0, ElementType::f32, x.shape()).data<float>();
  if (x.size() == 0) return;
  const int64_t width = x.shape().back();
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    const auto grain = std::max<int64_t>(1, 16384 / width);
    e.pool().parallel_for(x.size() / width, grain, [&](int64_t begin, int64_t end, int) {
      e.checkpoint();
      for (int64_t row = begin; row < end; ++row) {
        const T* from = x.data<T>() + row * width;
        const double norm = norm_of(op.norm, from, width), divisor = norm == 0 ? 1 : norm;
        std::transform(from, from + width, y + row * width, [divisor](T value) {
          return static_cast<float>(static_cast<double>(value) / divisor);
        });
      }
    });
  });
}

}  // namespace drawbar::ops
