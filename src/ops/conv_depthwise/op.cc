#include "ops/conv_depthwise/op.h"

#include "ir/evaluate_graph.h"
#include "ops/conv/joined.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvDepthwise);

namespace {

using joined::given;

constexpr size_t kConvInputs = 3;       // x, w, b
constexpr size_t kDepthwiseInputs = 5;  // and depthwise_w, depthwise_b

/// Of what a convolution reads: `between`, which the one before it gives, and the inputs [first,
/// end).
Infer stage_context(const Infer& context, const Type& between, size_t first, size_t end) {
  std::vector<Infer::Input> inputs{{&between}};
  for (size_t i = first; i < end; ++i) inputs.push_back(given(context, i));
  return Infer("", std::move(inputs), 1);
}
Infer depthwise_context(const Infer& context, const Type& between) {
  return stage_context(context, between, kConvInputs, kDepthwiseInputs);
}
Infer projection_context(const Infer& context, const Type& between) {
  return stage_context(context, between, kDepthwiseInputs, context.inputs());
}

/// The type of the depthwise convolution's result.
Type depthwise_type(const ConvDepthwise& op, const Infer& context, const Type& between) {
  Infer second = depthwise_context(context, between);
  infer(op.depthwise, second);
  return second.results()[0].type;
}

}  // namespace

void infer(const ConvDepthwise& op, Infer& context) {
  context.expect_inputs(2, kDepthwiseInputs + (op.projects ? 2 + Program::most_inputs : 0));
  context.type(3);  // throws where it is missing
  if (op.projects) context.type(5);
  if (op.conv.post.inputs > 1 || op.depthwise.post.inputs > 1) {
    fail(ErrorCode::invalid_model, "has programs of {} and {} inputs, expected the sums alone",
         op.conv.post.inputs, op.depthwise.post.inputs);
  }
  const Type between = joined::type_between(op, context, kConvInputs);
  if (between.tensor.ranked) {
    Infer::same(Dim(op.depthwise.group), between.tensor.dims[1],
                "the depthwise convolution's groups and channels");
  }
  const Type second = depthwise_type(op, context, between);
  if (!op.projects) {
    context.output(0, second);
    return;
  }
  Infer third = projection_context(context, second);
  infer(op.projection, third);
  context.output(0, third.results()[0].type);
}

Dim operations(const ConvDepthwise& op, const Infer& context) {
  const Type between = joined::type_between(op, context, kConvInputs);
  const Dim first = operations(op.conv, joined::conv_context(context, kConvInputs)) +
                    operations(op.depthwise, depthwise_context(context, between));
  if (!op.projects) return first;
  const Type second = depthwise_type(op, context, between);
  return first + operations(op.projection, projection_context(context, second));
}

bool keeps_rows(const ConvDepthwise& op, const Infer& context, const std::vector<bool>& batched) {
  bool shared = true;
  for (size_t i = 1; i < std::min(context.inputs(), kDepthwiseInputs); ++i)
    shared &= !context.has(i) || !batched[i];
  if (!batched[0] || !shared || !op.projects) return batched[0] && shared;
  const Type between = joined::type_between(op, context, kConvInputs);
  const Type second = depthwise_type(op, context, between);
  std::vector<bool> of_projection{true};
  of_projection.insert(of_projection.end(), batched.begin() + kDepthwiseInputs, batched.end());
  return keeps_rows(op.projection, projection_context(context, second), of_projection);
}

void reference(const ConvDepthwise& op, Evaluation& e) {
  Tensor between = evaluate_op(op.conv, {given(e, 0), given(e, 1), given(e, 2)}, 1)[0];
  e.checkpoint();
  Tensor second = evaluate_op(op.depthwise, {std::move(between), given(e, 3), given(e, 4)}, 1)[0];
  if (!op.projects) return e.set_output(0, std::move(second));
  e.checkpoint();
  std::vector<Tensor> inputs{std::move(second)};
  for (size_t i = kDepthwiseInputs; i < e.inputs(); ++i) inputs.push_back(given(e, i));
  e.set_output(0, evaluate_op(op.projection, std::move(inputs), 1)[0]);
}

}  // namespace drawbar::ops
