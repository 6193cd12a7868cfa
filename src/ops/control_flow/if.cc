#include "ir/graph.h"
#include "ops/control_flow/merge.h"
#include "ops/control_flow/op.h"

namespace drawbar::ops {

DRAWBAR_OP(If);

namespace {

/// The branch's output types for these inputs. A branch that these shapes cannot take (the other
/// one is meant for them) keeps the types it had.
std::vector<Type> branch_types(Infer& context, size_t which,
                               const std::vector<Infer::Input>& inputs) {
  try {
    return context.infer_subgraph(which, inputs);
  } catch (const Error&) {
    std::vector<Type> types;
    const Graph& graph = context.subgraph(which);
    for (ValueId output : graph.outputs()) types.push_back(graph.value(output).type);
    return types;
  }
}

}  // namespace

void infer(const If& op, Infer& context) {
  if (context.subgraphs() != 2) {
    fail(ErrorCode::invalid_model, "has {} subgraphs, expected 2", context.subgraphs());
  }
  if (context.element(0) != ElementType::boolean) {
    fail(ErrorCode::invalid_model, "the condition is {}, expected bool", name(context.element(0)));
  }
  const size_t first = context.subgraph(0).inputs().size();
  const size_t second = context.subgraph(1).inputs().size();
  if (context.inputs() != 1 + first + second || op.then_inputs != static_cast<int64_t>(first)) {
    fail(ErrorCode::invalid_model,
         "has {} inputs ({} of the then branch), its subgraphs read {} and {}", context.inputs(),
         op.then_inputs, first, second);
  }
  for (size_t which = 0; which < 2; ++which) {
    const size_t outputs = context.subgraph(which).outputs().size();
    if (outputs != context.outputs()) {
      fail(ErrorCode::invalid_model, "{} has {} outputs, expected {}",
           which ? "the else branch" : "the then branch", outputs, context.outputs());
    }
  }
  std::vector<Infer::Input> inputs[2];
  for (size_t i = 1; i < context.inputs(); ++i) {
    context.type(i);  // must be there
    inputs[i > first].push_back(context.input(i));
  }
  std::vector<Type> types[2] = {branch_types(context, 0, inputs[0]),
                                branch_types(context, 1, inputs[1])};
  const std::set<std::string> symbols = symbols_of(context, 0, context.inputs());
  for (auto& branch : types) {
    for (Type& type : branch) type = without_inner_symbols(std::move(type), symbols, context);
  }
  const Tensor* known = context.constant(0);
  for (size_t i = 0; i < context.outputs(); ++i) {
    if (known && known->size() == 1) {
      context.output(i, types[known->data<bool>()[0] ? 0 : 1][i]);
    } else {
      context.output(i, merge(types[0][i], types[1][i], context, fmt::format("output {}", i)));
    }
  }
}

void reference(const If& op, Evaluation& e) {
  const Tensor& condition = e.input(0);
  if (condition.size() != 1) {
    fail(ErrorCode::invalid_argument, "the condition has {} elements, expected 1",
         condition.size());
  }
  const size_t which = condition.data<bool>()[0] ? 0 : 1;
  const size_t middle = 1 + static_cast<size_t>(op.then_inputs);
  std::vector<Tensor> inputs;
  for (size_t i = which ? middle : 1; i < (which ? e.inputs() : middle); ++i) {
    inputs.push_back(e.has(i) ? e.input(i) : Tensor());
  }
  std::vector<Tensor> outputs = e.run_subgraph(which, std::move(inputs));
  for (size_t i = 0; i < outputs.size(); ++i) e.set_output(i, std::move(outputs[i]));
}

}  // namespace drawbar::ops
