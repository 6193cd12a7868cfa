#include "ops/conv_pool/op.h"

#include "ir/evaluate_graph.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvPool);

namespace {

Infer conv_context(const Infer& context) {
  const auto input = [&](size_t i) { return context.has(i) ? context.input(i) : Infer::Input{}; };
  return Infer("", {input(0), input(1), input(2)}, 1);
}

Type type_between(const ConvPool& op, const Infer& context) {
  Infer first = conv_context(context);
  infer(op.conv, first);
  return first.results()[0].type;
}

}  // namespace

void infer(const ConvPool& op, Infer& context) {
  context.expect_inputs(2, 3);
  if (op.conv.post.inputs > 1) {
    fail(ErrorCode::invalid_model, "has a program of {} inputs, expected the sums alone",
         op.conv.post.inputs);
  }
  const Type between = type_between(op, context);
  Infer second("", {{&between}}, 1);
  infer(op.pool, second);
  context.output(0, second.results()[0].type);
}

Dim operations(const ConvPool& op, const Infer& context) {
  const Type between = type_between(op, context);
  return operations(op.conv, conv_context(context)) +
         operations(op.pool, Infer("", {{&between}}, 1));
}

bool keeps_rows(const ConvPool&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && !batched[1] && (!context.has(2) || !batched[2]);
}

void reference(const ConvPool& op, Evaluation& e) {
  const auto given = [&](size_t i) { return e.has(i) ? e.input(i) : Tensor{}; };
  Tensor between = evaluate_op(op.conv, {given(0), given(1), given(2)}, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(op.pool, {std::move(between)}, 1)[0]);
}

}  // namespace drawbar::ops
