#include "ops/conv_depthwise/op.h"

#include "ir/evaluate_graph.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvDepthwise);

namespace {

Infer::Input input(const Infer& context, size_t i) {
  return context.has(i) ? context.input(i) : Infer::Input{};
}

Infer conv_context(const Infer& context) {
  return Infer("", {input(context, 0), input(context, 1), input(context, 2)}, 1);
}

/// `between` is the type of the first convolution's result.
Infer depthwise_context(const Infer& context, const Type& between) {
  return Infer("", {{&between}, input(context, 3), input(context, 4)}, 1);
}

Type type_between(const ConvDepthwise& op, const Infer& context) {
  Infer first = conv_context(context);
  infer(op.conv, first);
  return first.results()[0].type;
}

}  // namespace

void infer(const ConvDepthwise& op, Infer& context) {
  context.expect_inputs(2, 5);
  context.type(3);  // throws where it is missing
  if (op.conv.post.inputs > 1 || op.depthwise.post.inputs > 1) {
    fail(ErrorCode::invalid_model, "has programs of {} and {} inputs, expected the sums alone",
         op.conv.post.inputs, op.depthwise.post.inputs);
  }
  const Type between = type_between(op, context);
  if (between.tensor.ranked) {
    Infer::same(Dim(op.depthwise.group), between.tensor.dims[1],
                "the depthwise convolution's groups and channels");
  }
  Infer second = depthwise_context(context, between);
  infer(op.depthwise, second);
  context.output(0, second.results()[0].type);
}

Dim operations(const ConvDepthwise& op, const Infer& context) {
  const Type between = type_between(op, context);
  return operations(op.conv, conv_context(context)) +
         operations(op.depthwise, depthwise_context(context, between));
}

bool keeps_rows(const ConvDepthwise&, const Infer& context, const std::vector<bool>& batched) {
  bool shared = true;
  for (size_t i = 1; i < context.inputs(); ++i) shared &= !context.has(i) || !batched[i];
  return batched[0] && shared;
}

void reference(const ConvDepthwise& op, Evaluation& e) {
  const auto given = [&](size_t i) { return e.has(i) ? e.input(i) : Tensor{}; };
  Tensor between = evaluate_op(op.conv, {given(0), given(1), given(2)}, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(op.depthwise, {std::move(between), given(3), given(4)}, 1)[0]);
}

}  // namespace drawbar::ops
