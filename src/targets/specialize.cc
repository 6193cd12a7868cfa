#include "targets/specialize.h"

#include "base/checked.h"
#include "ir/evaluate_graph.h"
#include "passes/pipeline.h"

namespace drawbar {
namespace {

constexpr int64_t largest_folded = 1 << 16;  // bytes of a shape computation's result

/// A value whose symbolic contents are all numbers.
bool fold_content(Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.is_constant() || !value.content || !value.type.is_static()) return false;
  for (const Dim& dim : *value.content) {
    if (!dim.is_constant()) return false;
  }
  const ElementType element = value.type.tensor.element;
  if (!is_integer(element) && element != ElementType::boolean) return false;
  Tensor tensor = Tensor::allocate(element, value.type.tensor.shape());
  if (tensor.size() != static_cast<int64_t>(value.content->size())) return false;
  for (int64_t i = 0; i < tensor.size(); ++i)
    write_integer(tensor, i, (*value.content)[static_cast<size_t>(i)].value());
  graph.replace_value(id, graph.add_constant(std::move(tensor), value.name));
  return true;
}

bool fold_node(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.op.has_reference() || !node.op.schema().deterministic || !node.subgraphs.empty())
    return false;
  int64_t bytes = 0;
  for (ValueId output : node.outputs) {
    const Type& type = graph.value(output).type;
    if (!type.is_static()) return false;
    bytes += storage_bytes(type.tensor.element, type.tensor.size().value());
  }
  if (bytes > largest_folded) return false;
  std::vector<Tensor> inputs;
  for (ValueId input : node.inputs) {
    if (input == no_id) {
      inputs.emplace_back();
    } else if (!graph.value(input).is_constant() ||
               storage_bytes(graph.value(input).constant->type(),
                             element_count(graph.value(input).constant->shape())) >
                   16 * largest_folded) {
      return false;
    } else {
      inputs.push_back(graph.value(input).constant->tensor());
    }
  }
  std::vector<Tensor> results;
  try {
    results = evaluate_op(node.op, inputs, node.outputs.size());
  } catch (const Error&) {
    return false;  // the run will say so, with the node's name
  }
  const std::vector<ValueId> outputs = node.outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (results[i].kind() != Tensor::Kind::tensor || !results[i].has_value()) continue;
    graph.replace_value(outputs[i],
                        graph.add_constant(results[i].is_owned() ? results[i] : results[i].clone(),
                                           graph.value(outputs[i]).name));
  }
  return true;
}

}  // namespace

Graph specialize_for(const Graph& graph, const Bindings& bindings) {
  Graph result = graph.specialize(bindings);
  for (NodeId id : result.order()) {
    // Types follow what was folded before this node.
    bool fed = false;
    for (ValueId input : result.node(id).inputs)
      fed |= input != no_id && result.value(input).is_constant();
    if (fed) result.infer_node(id);
    bool folded = false;
    const std::vector<ValueId> outputs = result.node(id).outputs;
    for (ValueId output : outputs) folded |= fold_content(result, output);
    if (!folded) fold_node(result, id);
  }
  return refine(std::move(result));
}

Bindings bindings_of(const Graph& graph, const InputShapes& shapes) {
  Bindings bindings;
  for (size_t i = 0; i < shapes.size() && i < graph.inputs().size(); ++i) {
    const Type& type = graph.value(graph.inputs()[i]).type;
    if (!type.is_tensor() || !type.tensor.ranked) continue;
    for (size_t axis = 0; axis < shapes[i].size() && axis < type.tensor.dims.size(); ++axis) {
      if (const auto symbol = type.tensor.dims[axis].symbol_name())
        bindings.insert_or_assign(*symbol, shapes[i][axis]);
    }
  }
  return bindings;
}

}  // namespace drawbar
