#include "ops/integer_conv_add/op.h"

#include "ir/evaluate_graph.h"
#include "ops/integer_add/op.h"

namespace drawbar::ops {

DRAWBAR_OP(QLinearConvAdd);

namespace {

Infer::Input input(const Infer& context, size_t i) {
  return context.has(i) ? context.input(i) : Infer::Input{};
}

Infer conv_context(const Infer& context) {
  std::vector<Infer::Input> inputs;
  for (size_t i = 0; i < conv_add::other; ++i) inputs.push_back(input(context, i));
  return Infer("", std::move(inputs), 1);
}

/// QLinearAdd's inputs of the convolution's result q and what comes behind it.
template <class T>
std::vector<T> sum_inputs(const QLinearConvAdd& op, T q, const auto& given) {
  using namespace conv_add;
  const std::vector<T> convolved = {std::move(q), given(q_scale), given(q_zero)},
                       added = {given(other), given(other_scale), given(other_zero)};
  std::vector<T> inputs = op.other_first ? added : convolved;
  const std::vector<T>& second = op.other_first ? convolved : added;
  inputs.insert(inputs.end(), second.begin(), second.end());
  inputs.push_back(given(y_scale));
  inputs.push_back(given(y_zero));
  return inputs;
}

Infer sum_context(const QLinearConvAdd& op, const Infer& context, const Type& between) {
  const auto given = [&](size_t i) { return input(context, i); };
  return Infer("", sum_inputs<Infer::Input>(op, {&between}, given), 1);
}

Type type_between(const QLinearConvAdd& op, const Infer& context) {
  Infer first = conv_context(context);
  infer(op.conv, first);
  return first.results()[0].type;
}

}  // namespace

void infer(const QLinearConvAdd& op, Infer& context) {
  context.expect_inputs(0, conv_add::count);
  const Type between = type_between(op, context);
  Infer sum = sum_context(op, context, between);
  infer(QLinearAdd{}, sum);
  context.output(0, sum.results()[0].type);
}

void reference(const QLinearConvAdd& op, Evaluation& e) {
  const auto given = [&](size_t i) { return e.has(i) ? e.input(i) : Tensor{}; };
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < conv_add::other; ++i) inputs.push_back(given(i));
  Tensor q = evaluate_op(op.conv, inputs, 1)[0];
  e.checkpoint();
  e.set_output(0, evaluate_op(QLinearAdd{}, sum_inputs<Tensor>(op, std::move(q), given), 1)[0]);
}

Dim operations(const QLinearConvAdd& op, const Infer& context) {
  const Type between = type_between(op, context);
  return operations(op.conv, conv_context(context)) +
         operations(QLinearAdd{}, sum_context(op, context, between));
}

bool keeps_rows(const QLinearConvAdd&, const Infer& context, const std::vector<bool>& batched) {
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (i != conv_add::other && context.has(i) && batched[i]) return false;
  }
  return batched[0] && batched[conv_add::other];
}

}  // namespace drawbar::ops
