#include "ir/evaluate_graph.h"

#include "base/checked.h"

namespace drawbar {

const Tensor& NodeEvaluation::input(size_t i) const {
  if (!has(i)) fail(ErrorCode::invalid_argument, "input {} is missing", i);
  return *inputs_[i];
}

Tensor& NodeEvaluation::output(size_t i, ElementType type, Shape shape) {
  if (i >= outputs_.size()) {
    spare_.push_back(Tensor::allocate(type, std::move(shape)));
    return spare_.back();
  }
  Tensor& out = outputs_[i];
  if (out.has_value() && out.type() == type && out.shape() == shape) return out;
  control_.check_bytes(storage_bytes(type, element_count(shape)));
  return out = values_ ? values_->allocate(type, std::move(shape))
                       : Tensor::allocate(type, std::move(shape));
}

void NodeEvaluation::set_output(size_t i, Tensor value) {
  if (i < outputs_.size()) outputs_[i] = std::move(value);
}

std::vector<Tensor> NodeEvaluation::run_subgraph(size_t which, std::vector<Tensor> inputs) {
  if (!subgraphs_) fail(ErrorCode::internal, "no subgraphs can run here");
  return (*subgraphs_)(which, std::move(inputs));
}

namespace {

ThreadPool& single_thread() {
  static ThreadPool pool(1);
  return pool;
}

}  // namespace

std::vector<Tensor> evaluate_op(const Op& op, const std::vector<Tensor>& inputs, size_t outputs,
                                const RunControl& control) {
  if (!op.has_reference())
    fail(ErrorCode::unsupported, "{} has no reference implementation", op.name());
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  NodeEvaluation evaluation(pointers, outputs, control, single_thread());
  op.reference(evaluation);
  return std::move(evaluation.results());
}

std::vector<Tensor> evaluate_graph(const Graph& graph, std::vector<Tensor> inputs,
                                   const RunControl& control) {
  if (inputs.size() != graph.inputs().size()) {
    fail(ErrorCode::invalid_argument, "graph '{}' takes {} inputs, {} were given", graph.name,
         graph.inputs().size(), inputs.size());
  }
  std::vector<Tensor> values(graph.value_count());
  std::vector<size_t> readers(graph.value_count(), 0);
  const std::vector<NodeId> order = graph.order();
  for (NodeId id : order) {
    for (ValueId input : graph.node(id).inputs) {
      if (input != no_id) ++readers[input];
    }
  }
  for (ValueId output : graph.outputs()) ++readers[output];
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = std::move(inputs[i]);
  const auto value = [&](ValueId id) -> const Tensor& {
    if (graph.value(id).is_constant() && !values[id].has_value())
      values[id] = graph.value(id).constant->tensor();
    return values[id];
  };
  for (NodeId id : order) {
    const Node& node = graph.node(id);
    control.check();
    std::vector<const Tensor*> pointers;
    for (ValueId input : node.inputs) pointers.push_back(input == no_id ? nullptr : &value(input));
    const SubgraphRunner subgraphs = [&](size_t which, std::vector<Tensor> given) {
      if (which >= node.subgraphs.size())
        fail(ErrorCode::internal, "subgraph {} is missing", which);
      return evaluate_graph(*node.subgraphs[which], std::move(given), control);
    };
    NodeEvaluation evaluation(pointers, node.outputs.size(), control, single_thread(), &subgraphs);
    try {
      if (!node.op.has_reference()) fail(ErrorCode::unsupported, "has no reference implementation");
      node.op.reference(evaluation);
    } catch (const Error& error) {
      throw error.at(describe(node));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (readers[node.outputs[i]]) values[node.outputs[i]] = std::move(evaluation.results()[i]);
    }
    for (ValueId input : node.inputs) {
      if (input != no_id && --readers[input] == 0) values[input] = Tensor();
    }
  }
  std::vector<Tensor> outputs;
  for (ValueId output : graph.outputs()) outputs.push_back(value(output));
  return outputs;
}

namespace {

/// Checks a value of any kind with all that it holds; symbols stand for any size.
void expect_value(const Tensor& given, const Type& type, const std::string& what) {
  const auto refuse = [&](const std::string& found) {
    fail(ErrorCode::invalid_argument, "{} is {}, expected {}", what, found, to_string(type));
  };
  const auto expect_elements = [&](const std::vector<Tensor>& elements) {
    for (size_t i = 0; i < elements.size(); ++i)
      expect_value(elements[i], *type.element, fmt::format("{}, element {}", what, i));
  };
  if (!given.has_value()) refuse("missing");
  if (type.kind == Tensor::Kind::optional) {
    // What an optional holds may be given as it is.
    if (given.kind() != Tensor::Kind::optional) return expect_value(given, *type.element, what);
    if (given.elements().size() > 1) refuse("an optional of more than one value");
    return expect_elements(given.elements());
  }
  if (given.kind() != type.kind) refuse(to_string(Type::of(given)));
  if (type.is_tensor()) {
    const Dims& dims = type.tensor.dims;
    bool fits = given.type() == type.tensor.element &&
                (!type.tensor.ranked || type.tensor.rank() == given.rank());
    for (size_t i = 0; fits && i < dims.size(); ++i)
      fits = !dims[i].is_constant() || dims[i].value() == given.shape()[i];
    if (!fits) refuse(to_string(Type::of(given)));
    return;
  }
  if (type.kind == Tensor::Kind::sequence) return expect_elements(given.elements());
  if (given.elements().size() != 2) refuse("a map without keys and values");
  const Tensor &keys = given.elements()[0], &values = given.elements()[1];
  if (!keys.has_value() || keys.kind() != Tensor::Kind::tensor || keys.rank() != 1 ||
      keys.type() != type.key) {
    refuse("a map with other keys");
  }
  if (!values.has_value()) refuse("a map without values");
  if (values.kind() == Tensor::Kind::sequence) {
    expect_elements(values.elements());
    if (values.elements().size() == static_cast<size_t>(keys.size())) return;
  } else if (values.kind() == Tensor::Kind::tensor && type.element->is_tensor() &&
             values.type() == type.element->tensor.element && values.rank() >= 1 &&
             values.dim(0) == keys.size()) {
    return;
  }
  refuse("a map with other values, or not one for each key");
}

}  // namespace

Bindings bind_inputs(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs().size()) {
    fail(ErrorCode::invalid_argument, "the graph takes {} inputs, {} were given",
         graph.inputs().size(), inputs.size());
  }
  Bindings bindings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    const Tensor& given = inputs[i];
    const auto refuse = [&](const std::string& found) {
      fail(ErrorCode::invalid_argument, "input '{}' is {}, expected {}", value.name, found,
           to_string(value.type));
    };
    if (!given.has_value()) {
      if (value.type.kind == Tensor::Kind::optional) continue;
      refuse("missing");
    }
    if (!value.type.is_tensor()) {
      expect_value(given, value.type, fmt::format("input '{}'", value.name));
      continue;
    }
    if (given.kind() != Tensor::Kind::tensor) refuse(to_string(Type::of(given)));
    const TensorType& type = value.type.tensor;
    const auto found = [&] { return to_string(TensorType{given.type(), to_dims(given.shape())}); };
    if (type.element != given.type()) refuse(found());
    if (!type.ranked) continue;
    if (type.rank() != given.rank()) refuse(found());
    for (size_t axis = 0; axis < type.dims.size(); ++axis) {
      const Dim& dim = type.dims[axis];
      const int64_t size = given.shape()[axis];
      if (const auto symbol = dim.symbol_name()) {
        const auto [bound, added] = bindings.emplace(*symbol, size);
        if (!added && bound->second != size) {
          fail(ErrorCode::invalid_argument,
               "input '{}': dimension {} is {}, but {} is {} elsewhere", value.name, axis, size,
               *symbol, bound->second);
        }
      } else if (dim.is_constant() && dim.value() != size) {
        refuse(found());
      }
    }
  }
  for (size_t i = 0; i < inputs.size();
       ++i) {  // dimensions that are expressions of symbols bound above
    const Value& value = graph.value(graph.inputs()[i]);
    if (!value.type.is_tensor() || !value.type.tensor.ranked || !inputs[i].has_value()) continue;
    for (size_t axis = 0; axis < value.type.tensor.dims.size(); ++axis) {
      const auto expected = value.type.tensor.dims[axis].evaluate(bindings);
      if (expected && *expected != inputs[i].shape()[axis]) {
        fail(ErrorCode::invalid_argument, "input '{}': dimension {} is {}, expected {} = {}",
             value.name, axis, inputs[i].shape()[axis], value.type.tensor.dims[axis].str(),
             *expected);
      }
    }
  }
  return bindings;
}

}  // namespace drawbar
