#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// Puts the nodes of `inner` where `inputs` stand for its inputs; gives the values that stand for
/// its outputs. add_constant(const Value&) gives a value for a constant of it, add_node(const
/// Node&, inputs) the outputs of a copy of a node.
template <class AddConstant, class AddNode>
std::vector<ValueId> splice(const Graph& inner, const std::vector<ValueId>& inputs,
                            const AddConstant& add_constant, const AddNode& add_node) {
  std::vector<ValueId> values(inner.value_count(), no_id);
  for (size_t i = 0; i < inputs.size(); ++i) values[inner.inputs()[i]] = inputs[i];
  const auto mapped = [&](ValueId id) {
    if (id == no_id) return no_id;
    const Value& value = inner.value(id);
    if (values[id] == no_id && value.is_constant()) values[id] = add_constant(value);
    return values[id];
  };
  for (NodeId id : inner.order()) {
    const Node& node = inner.node(id);
    std::vector<ValueId> given;
    for (ValueId input : node.inputs) given.push_back(mapped(input));
    const std::vector<ValueId> outputs = add_node(node, std::move(given));
    for (size_t i = 0; i < outputs.size(); ++i) values[node.outputs[i]] = outputs[i];
  }
  std::vector<ValueId> outputs;
  for (ValueId output : inner.outputs()) outputs.push_back(mapped(output));
  return outputs;
}

}  // namespace drawbar
