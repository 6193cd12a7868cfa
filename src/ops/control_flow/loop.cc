#include "ir/graph.h"
#include "ops/control_flow/merge.h"
#include "ops/control_flow/op.h"
#include "ops/control_flow/stack.h"

namespace drawbar::ops {

DRAWBAR_OP(Loop);

namespace {

constexpr int most_rounds = 4;      // of refining carried types, before they are left unknown
constexpr int deepest_refined = 3;  // loops within loops whose types are refined
thread_local int depth = 0;

struct Deeper {
  Deeper() { ++depth; }
  ~Deeper() { --depth; }
};

/// Whether the body ends with the condition it was given, or with true.
bool never_stops(const Graph& body) {
  ValueId id = body.outputs()[0];
  for (;;) {
    const Value& value = body.value(id);
    if (value.is_constant()) {
      const Tensor& constant = value.constant->tensor();
      return constant.type() == ElementType::boolean && constant.size() == 1 &&
             constant.data<bool>()[0];
    }
    if (value.producer == no_id) return id == body.inputs()[1];
    const Node& node = body.node(value.producer);
    if (node.op.name() != "Identity") return false;
    id = node.inputs[0];
  }
}

/// How many iterations there are.
Dim trips(Infer& context) {
  std::optional<Dim> count;
  if (const auto content = context.content(0); content && content->size() == 1) {
    const Dim& wanted = content->front();
    count = wanted.is_constant() || !wanted.symbol_name() ? max(wanted, Dim(0)) : wanted;
  }
  const Tensor* condition = context.constant(1);
  const bool begins =
      !context.has(1) || (condition && condition->size() == 1 &&
                          condition->type() == ElementType::boolean && condition->data<bool>()[0]);
  if (count && begins && never_stops(context.subgraph(0))) return *count;
  return context.fresh("trips", count ? *count : Dim(no_bound));
}

/// The carried value's type, widened to allow for what the body makes of it. `own` are symbols
/// that already stand for "any size".
Type widened(const Type& before, const Type& after, std::set<std::string>& own, Infer& context,
             size_t i) {
  if (before.kind == Tensor::Kind::optional && after.kind != Tensor::Kind::optional) return before;
  if (!before.is_tensor() || !after.is_tensor()) {
    return merge(before, after, context, fmt::format("carried value {}", i));
  }
  if (before.tensor.element != after.tensor.element) {
    fail(ErrorCode::invalid_model, "carried value {} begins as {}, the body makes it {}", i,
         to_string(before), to_string(after));
  }
  TensorType result = before.tensor;
  result.layout = Layout::row_major;
  if (!before.tensor.ranked) return result;
  if (!after.tensor.ranked || after.tensor.rank() != before.tensor.rank()) {
    result.ranked = false;
    result.dims.clear();
    return result;
  }
  for (size_t k = 0; k < result.dims.size(); ++k) {
    const auto symbol = result.dims[k].symbol_name();
    if (result.dims[k] == after.tensor.dims[k] || (symbol && own.contains(*symbol))) continue;
    result.dims[k] = context.fresh("carried", Dim(no_bound));
    own.insert(*result.dims[k].symbol_name());
  }
  return result;
}

Type unknown_shape(Type type) {
  if (type.is_tensor()) {
    type.tensor.ranked = false;
    type.tensor.dims.clear();
  }
  return type;
}

/// The type of an output that begins as `first` and gets a `piece` in each iteration.
Type appended(const Type& first, const Type& piece, Infer& context, size_t i) {
  if (!first.is_tensor() || !piece.is_tensor() || first.tensor.element != piece.tensor.element) {
    fail(ErrorCode::invalid_model, "appended output {} begins as {}, the body gives {}", i,
         to_string(first), to_string(piece));
  }
  Type result = first;
  result.tensor.layout = Layout::row_major;
  if (!first.tensor.ranked || !piece.tensor.ranked) return unknown_shape(std::move(result));
  if (first.tensor.rank() != piece.tensor.rank() || first.tensor.rank() == 0) {
    fail(ErrorCode::invalid_model, "appended output {} begins as {}, the body gives {}", i,
         to_string(first), to_string(piece));
  }
  Dims& dims = result.tensor.dims;
  dims[0] = context.fresh("appended", Dim(no_bound));
  for (size_t k = 1; k < dims.size(); ++k) {
    if (!dims[k].is_constant() && piece.tensor.dims[k].is_constant())
      dims[k] = piece.tensor.dims[k];
  }
  return result;
}

}  // namespace

void infer(const Loop& op, Infer& context) {
  const auto carried = static_cast<size_t>(op.carried);
  const auto collected = static_cast<size_t>(op.appended);
  if (context.subgraphs() != 1) {
    fail(ErrorCode::invalid_model, "has {} subgraphs, expected 1", context.subgraphs());
  }
  const size_t body_inputs = context.subgraph(0).inputs().size();
  const size_t body_outputs = context.subgraph(0).outputs().size();
  constexpr int64_t most = 1 << 20;
  if (op.carried < 0 || op.carried > most || op.appended < 0 || op.appended > most ||
      context.inputs() != body_inputs + collected || body_inputs < 2 + carried ||
      body_outputs != 1 + context.outputs() || context.outputs() < carried + collected ||
      op.empty_stacks.size() != context.outputs() - carried - collected) {
    fail(ErrorCode::invalid_model,
         "has {} inputs, {} carried, {} appended, and {} outputs; its body has {} inputs and {} "
         "outputs",
         context.inputs(), op.carried, op.appended, context.outputs(), body_inputs, body_outputs);
  }
  if (context.has(0) && !is_integer(context.element(0))) {
    fail(ErrorCode::invalid_model, "the trip count is {}, expected i64", name(context.element(0)));
  }
  if (context.has(1) && context.element(1) != ElementType::boolean) {
    fail(ErrorCode::invalid_model, "the condition is {}, expected bool", name(context.element(1)));
  }
  const std::set<std::string> known = symbols_of(context, 2, context.inputs());
  std::set<std::string> own;
  const Type number(ElementType::i64, {}), condition(ElementType::boolean, {});
  std::vector<Type> state, results;
  for (size_t i = 0; i < carried; ++i) state.push_back(context.type(2 + i));
  const Deeper deeper;
  for (int round = 0;; ++round) {
    if (round == most_rounds || depth > deepest_refined) {
      for (Type& type : state) type = unknown_shape(std::move(type));
    }
    std::vector<Infer::Input> inputs = {{&number}, {&condition}};
    for (const Type& type : state) inputs.push_back({&type});
    for (size_t i = 2 + carried + collected; i < context.inputs(); ++i) {
      context.type(i);
      inputs.push_back({context.input(i).type});
    }
    results = context.infer_subgraph(0, inputs);
    if (!results[0].is_tensor() || results[0].tensor.element != ElementType::boolean) {
      fail(ErrorCode::invalid_model, "the body's condition is {}, expected bool",
           to_string(results[0]));
    }
    std::vector<Type> next;
    for (size_t i = 0; i < carried; ++i) {
      next.push_back(widened(state[i], results[1 + i], own, context, i));
    }
    if (next == state) break;
    state = std::move(next);
  }
  for (size_t i = 0; i < carried; ++i) {
    // What begins as an optional and is none after an iteration: there is one.
    const bool filled =
        state[i].kind == Tensor::Kind::optional && results[1 + i].kind != Tensor::Kind::optional;
    context.output(i, filled ? results[1 + i] : state[i]);
  }
  for (size_t i = carried; i < carried + collected; ++i) {
    const Type piece = without_inner_symbols(results[1 + i], known, context);
    context.output(i, appended(context.type(2 + i), piece, context, i));
  }
  if (context.outputs() == carried + collected) return;
  const Dim count = trips(context);
  for (size_t i = carried + collected; i < context.outputs(); ++i) {
    Type type = without_inner_symbols(results[1 + i], known, context);
    if (!type.is_tensor()) {
      fail(ErrorCode::invalid_model, "stacked output {} is {}, expected a tensor", i,
           to_string(type));
    }
    if (type.tensor.ranked) type.tensor.dims.insert(type.tensor.dims.begin(), count);
    context.output(i, std::move(type));
  }
}

void reference(const Loop& op, Evaluation& e) {
  const auto carried = static_cast<size_t>(op.carried);
  const auto first_read = 2 + carried + static_cast<size_t>(op.appended);
  const int64_t trips = e.has(0) ? read_integer(e.input(0), 0) : no_bound;
  bool condition = e.has(1) ? read_integer(e.input(1), 0) != 0 : true;
  std::vector<Tensor> state;
  for (size_t i = 0; i < carried; ++i) {
    state.push_back(e.has(2 + i) ? e.input(2 + i) : Tensor());
  }
  std::vector<Pieces> pieces;
  for (size_t i = 2 + carried; i < first_read; ++i) pieces.emplace_back(e.input(i));
  std::vector<Stack> stacks(op.empty_stacks.begin(), op.empty_stacks.end());
  for (int64_t trip = 0; trip < trips && condition; ++trip) {
    e.checkpoint();
    std::vector<Tensor> inputs = {Tensor::scalar<int64_t>(trip), Tensor::scalar<bool>(condition)};
    for (Tensor& value : state) inputs.push_back(std::move(value));
    for (size_t i = first_read; i < e.inputs(); ++i) {
      inputs.push_back(e.has(i) ? e.input(i) : Tensor());
    }
    std::vector<Tensor> outputs = e.run_subgraph(0, std::move(inputs));
    if (outputs[0].size() != 1) {
      fail(ErrorCode::invalid_argument, "the body's condition has {} elements, expected 1",
           outputs[0].size());
    }
    condition = read_integer(outputs[0], 0) != 0;
    for (size_t i = 0; i < carried; ++i) state[i] = std::move(outputs[1 + i]);
    auto given = outputs.begin() + static_cast<ptrdiff_t>(1 + carried);
    for (Pieces& list : pieces) list.push(std::move(*given++));
    for (Stack& stack : stacks) stack.push(std::move(*given++));
  }
  for (size_t i = 0; i < carried; ++i) e.set_output(i, std::move(state[i]));
  size_t output = carried;
  for (const Pieces& list : pieces) list.finish(e, output++);
  for (const Stack& stack : stacks) stack.finish(e, output++, 0);
}

}  // namespace drawbar::ops
