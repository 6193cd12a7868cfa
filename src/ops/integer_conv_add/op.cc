#include "ops/integer_conv_add/op.h"

#include "ir/evaluate_graph.h"
#include "ops/conv/joined.h"
#include "ops/integer_add/op.h"

namespace drawbar::ops {

DRAWBAR_OP(QLinearConvAdd);

namespace {

using joined::given;

/// QLinearAdd's inputs of the convolution's result q and those of `source` behind it.
template <class T>
std::vector<T> sum_inputs(const QLinearConvAdd& op, T q, const auto& source) {
  using namespace conv_add;
  const auto at = [&](Input i) { return given(source, i); };
  const std::vector<T> convolved = {std::move(q), at(q_scale), at(q_zero)},
                       added = {at(other), at(other_scale), at(other_zero)};
  std::vector<T> inputs = op.other_first ? added : convolved;
  const std::vector<T>& second = op.other_first ? convolved : added;
  inputs.insert(inputs.end(), second.begin(), second.end());
  inputs.push_back(at(y_scale));
  inputs.push_back(at(y_zero));
  return inputs;
}

Infer sum_context(const QLinearConvAdd& op, const Infer& context, const Type& between) {
  return Infer("", sum_inputs<Infer::Input>(op, {&between}, context), 1);
}

}  // namespace

void infer(const QLinearConvAdd& op, Infer& context) {
  context.expect_inputs(0, conv_add::count);
  const Type between = joined::type_between(op, context, conv_add::other);
  Infer sum = sum_context(op, context, between);
  infer(QLinearAdd{}, sum);
  context.output(0, sum.results()[0].type);
}

void reference(const QLinearConvAdd& op, Evaluation& e) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < conv_add::other; ++i) inputs.push_back(given(e, i));
  Tensor q = evaluate_op(op.conv, inputs, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(QLinearAdd{}, sum_inputs<Tensor>(op, std::move(q), e), 1)[0]);
}

Dim operations(const QLinearConvAdd& op, const Infer& context) {
  const Type between = joined::type_between(op, context, conv_add::other);
  return operations(op.conv, joined::conv_context(context, conv_add::other)) +
         operations(QLinearAdd{}, sum_context(op, context, between));
}

bool keeps_rows(const QLinearConvAdd&, const Infer& context, const std::vector<bool>& batched) {
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (i != conv_add::other && context.has(i) && batched[i]) return false;
  }
  return batched[0] && batched[conv_add::other];
}

}  // namespace drawbar::ops
