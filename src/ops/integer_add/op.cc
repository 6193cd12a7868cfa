#include "ops/integer_add/op.h"

#include <cmath>

#include "ir/evaluate.h"
#include "ir/infer.h"
#include "ops/quantize/operands.h"

namespace drawbar::ops {

DRAWBAR_OP(QLinearAdd);

void infer(const QLinearAdd&, Infer& context) {
  context.expect_inputs(8, 8);
  check_byte(context, 0, "a");
  check_byte(context, 3, "b");
  check_byte(context, 7, "y_zero_point");
  check_type(context, 2, context.element(0), "a_zero_point");
  check_type(context, 5, context.element(3), "b_zero_point");
  for (size_t i : {1, 4, 6}) check_type(context, i, ElementType::f32, "a scale");
  for (size_t i : {1, 2, 4, 5, 6, 7}) context.expect_rank(i, 0, "a scale or zero point");
  const ElementType element = context.element(7);
  if (!context.ranked(0) || !context.ranked(3)) return context.unranked(0, element);
  if (context.rank(0) != context.rank(3)) {
    fail(ErrorCode::invalid_model, "a has rank {} and b {}, expected one shape", context.rank(0),
         context.rank(3));
  }
  for (size_t i = 0; i < context.dims(0).size(); ++i)
    Infer::same(context.dims(0)[i], context.dims(3)[i], "dimensions of a and b");
  context.output(0, element, context.dims(0));
}

void reference(const QLinearAdd&, Evaluation& e) {
  const Tensor &a = e.input(0), &b = e.input(3);
  const ElementType element = e.input(7).type();
  Tensor& y = e.output(0, element, a.shape());
  const auto scale = [&](size_t i) { return e.input(i).data<float>()[0]; };
  const auto zero = [&](size_t i) { return static_cast<float>(read_integer(e.input(i), 0)); };
  for (int64_t i = 0; i < a.size(); ++i) {
    const float sum = (static_cast<float>(read_integer(a, i)) - zero(2)) * scale(1) +
                      (static_cast<float>(read_integer(b, i)) - zero(5)) * scale(4);
    const float value = std::nearbyint(sum / scale(6)) + zero(7);
    write_integer(y, i, saturated(value, element));
  }
}

Dim operations(const QLinearAdd&, const Infer& context) {
  Dim elements(5);
  if (!context.ranked(0)) return Dim(0);
  for (const Dim& dim : context.dims(0)) elements = elements * dim;
  return elements;
}

bool keeps_rows(const QLinearAdd&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && batched[3];
}

}  // namespace drawbar::ops
