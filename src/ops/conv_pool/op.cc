#include "ops/conv_pool/op.h"

#include "ir/evaluate_graph.h"
#include "ops/conv/joined.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvPool);

namespace {

using joined::given;

constexpr size_t kConvInputs = 3;  // x, w, b

}  // namespace

void infer(const ConvPool& op, Infer& context) {
  context.expect_inputs(2, 3);
  if (op.conv.post.inputs > 1) {
    fail(ErrorCode::invalid_model, "has a program of {} inputs, expected the sums alone",
         op.conv.post.inputs);
  }
  const Type between = joined::type_between(op, context, kConvInputs);
  Infer second("", {{&between}}, 1);
  infer(op.pool, second);
  context.output(0, second.results()[0].type);
}

Dim operations(const ConvPool& op, const Infer& context) {
  const Type between = joined::type_between(op, context, kConvInputs);
  return operations(op.conv, joined::conv_context(context, kConvInputs)) +
         operations(op.pool, Infer("", {{&between}}, 1));
}

bool keeps_rows(const ConvPool&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && !batched[1] && (!context.has(2) || !batched[2]);
}

void reference(const ConvPool& op, Evaluation& e) {
  Tensor between = evaluate_op(op.conv, {given(e, 0), given(e, 1), given(e, 2)}, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(op.pool, {std::move(between)}, 1)[0]);
}

}  // namespace drawbar::ops
