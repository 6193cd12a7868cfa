#include "ops/conv_depthwise/op.h"

#include "ir/evaluate_graph.h"
#include "ops/conv/joined.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvDepthwise);

namespace {

using joined::given;

constexpr size_t kConvInputs = 3;  // x, w, b

/// `between` is the type of the first convolution's result.
Infer depthwise_context(const Infer& context, const Type& between) {
  return Infer("", {{&between}, given(context, 3), given(context, 4)}, 1);
}

}  // namespace

void infer(const ConvDepthwise& op, Infer& context) {
  context.expect_inputs(2, 5);
  context.type(3);  // throws where it is missing
  if (op.conv.post.inputs > 1 || op.depthwise.post.inputs > 1) {
    fail(ErrorCode::invalid_model, "has programs of {} and {} inputs, expected the sums alone",
         op.conv.post.inputs, op.depthwise.post.inputs);
  }
  const Type between = joined::type_between(op, context, kConvInputs);
  if (between.tensor.ranked) {
    Infer::same(Dim(op.depthwise.group), between.tensor.dims[1],
                "the depthwise convolution's groups and channels");
  }
  Infer second = depthwise_context(context, between);
  infer(op.depthwise, second);
  context.output(0, second.results()[0].type);
}

Dim operations(const ConvDepthwise& op, const Infer& context) {
  const Type between = joined::type_between(op, context, kConvInputs);
  return operations(op.conv, joined::conv_context(context, kConvInputs)) +
         operations(op.depthwise, depthwise_context(context, between));
}

bool keeps_rows(const ConvDepthwise&, const Infer& context, const std::vector<bool>& batched) {
  bool shared = true;
  for (size_t i = 1; i < context.inputs(); ++i) shared &= !context.has(i) || !batched[i];
  return batched[0] && shared;
}

void reference(const ConvDepthwise& op, Evaluation& e) {
  Tensor between = evaluate_op(op.conv, {given(e, 0), given(e, 1), given(e, 2)}, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(op.depthwise, {std::move(between), given(e, 3), given(e, 4)}, 1)[0]);
}

}  // namespace drawbar::ops
