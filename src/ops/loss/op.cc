#include "ops/loss/op.h"

#include "ops/movement/concrete.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(NegativeLogLikelihood);

namespace {

using Loss = NegativeLogLikelihood;

void expect_elements(const Infer& context) {
  const ElementType element = context.element(Loss::x);
  if (!is_floating(element) || bits(element) < 16) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  expect_indices(context, Loss::target, "targets");
  if (!context.has(Loss::weight)) return;
  if (context.element(Loss::weight) != element) {
    fail(ErrorCode::invalid_model, "weight is {}, but x is {}", name(context.element(Loss::weight)),
         name(element));
  }
  context.expect_rank(Loss::weight, 1, "weight");
}

}  // namespace

void infer(const NegativeLogLikelihood& op, Infer& context) {
  context.expect_inputs(2, 3);
  expect_elements(context);
  const ElementType element = context.element(Loss::x);
  const bool reduced = op.reduction != LossReduction::none;
  if (!context.ranked(Loss::x)) {
    return reduced ? context.output(0, element, {}) : context.unranked(0, element);
  }
  Dims x = context.dims(Loss::x);
  if (x.size() < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", x.size());
  }
  if (context.has(Loss::weight) && context.ranked(Loss::weight)) {
    Infer::same(context.dims(Loss::weight)[0], x[1], "elements of weight and classes of x");
  }
  x.erase(x.begin() + 1);
  context.expect_rank(Loss::target, static_cast<int64_t>(x.size()), "target");
  for (size_t i = 0; context.ranked(Loss::target) && i < x.size(); ++i) {
    x[i] = Infer::same(context.dims(Loss::target)[i], x[i],
                       fmt::format("dimension {} of target and its part of x", i));
  }
  context.output(0, element, reduced ? Dims{} : std::move(x));
}

Dim operations(const NegativeLogLikelihood&, const Infer& context) {
  return Dim(2) * context.tensor(Loss::target).size();
}

void reference(const NegativeLogLikelihood& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor &x = e.input(Loss::x), &target = e.input(Loss::target);
  const Tensor* weight = e.has(Loss::weight) ? &e.input(Loss::weight) : nullptr;
  const bool reduced = op.reduction != LossReduction::none;
  Tensor& loss = e.output(0, x.type(), shape);
  const int64_t samples = target.size(), classes = x.dim(1);
  const int64_t inner = samples == 0 ? 1 : samples / x.dim(0);
  double sum = 0, weights = 0;
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t wanted = read_integer(target, i);
    double value = 0;
    if (!op.ignores || wanted != op.ignored) {
      if (wanted < 0 || wanted >= classes) {
        fail(ErrorCode::invalid_argument, "target {} is {}, expected a class below {}{}", i, wanted,
             classes, op.ignores ? fmt::format(" or {}", op.ignored) : "");
      }
      const double own = weight ? read_number(*weight, wanted) : 1;
      value = -own * read_number(x, (i / inner * classes + wanted) * inner + i % inner);
      weights += own;
    }
    if (reduced) {
      sum += value;
    } else {
      write_number(loss, i, value);
    }
    if (i % 65536 == 0) e.checkpoint();
  }
  if (reduced) write_number(loss, 0, op.reduction == LossReduction::mean ? sum / weights : sum);
}

}  // namespace drawbar::ops
