#include "ir/graph.h"

#include <algorithm>
#include <queue>
#include <set>

#include "base/checked.h"

namespace drawbar {

std::string describe(const Node& node) {
  return fmt::format("node '{}' ({})", node.name, node.op.name());
}

ValueId Graph::new_value(std::string name, Type type) {
  const auto id = static_cast<ValueId>(values_.size());
  Value value;
  value.name = name.empty() ? fmt::format("v{}", id) : std::move(name);
  value.type = std::move(type);
  values_.push_back(std::move(value));
  return id;
}

ValueId Graph::add_input(std::string name, Type type) {
  const ValueId id = new_value(std::move(name), std::move(type));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(ConstantPtr constant, std::string name) {
  Type type(constant->type(), to_dims(constant->shape()));
  const ValueId id = new_value(std::move(name), std::move(type));
  values_[id].constant = std::move(constant);
  return id;
}

NodeId Graph::append_node(Node node, const std::vector<std::string>& output_names) {
  const auto id = static_cast<NodeId>(nodes_.size());
  if (node.rank < 0) node.rank = static_cast<int64_t>(id);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != no_id)
      values_[node.inputs[i]].uses.push_back({id, static_cast<uint32_t>(i)});
  }
  for (size_t i = 0; i < output_names.size(); ++i) {
    const ValueId value = new_value(output_names[i], {});
    values_[value].producer = id;
    values_[value].output = static_cast<uint32_t>(i);
    node.outputs.push_back(value);
  }
  nodes_.push_back(std::move(node));
  return id;
}

NodeId Graph::add_node(Op op, std::vector<ValueId> inputs, size_t outputs, std::string name,
                       std::vector<GraphPtr> subgraphs, int64_t rank) {
  Node node{
      std::move(name), std::move(op), std::move(inputs), {}, std::move(subgraphs), rank, true};
  const NodeId id = append_node(std::move(node), std::vector<std::string>(outputs));
  infer_node(id);
  return id;
}

NodeId Graph::add_named_node(Op op, std::vector<ValueId> inputs,
                             const std::vector<std::string>& output_names, std::string name,
                             std::vector<GraphPtr> subgraphs) {
  Node node{std::move(name), std::move(op), std::move(inputs), {}, std::move(subgraphs), -1, true};
  const NodeId id = append_node(std::move(node), output_names);
  infer_node(id);
  return id;
}

void Graph::add_output(ValueId value, std::string name) {
  outputs_.push_back(value);
  output_names_.push_back(std::move(name));
}

Infer::Input infer_input(const Value& value) {
  Infer::Input input;
  input.type = &value.type;
  if (value.content) input.content = &*value.content;
  // Large constants steer no shape: they are neither drawn nor read from a file for inference's
  // sake.
  if (value.constant && element_count(value.constant->shape()) <= 4096)
    input.constant = &value.constant->tensor();
  return input;
}

std::vector<Infer::Input> Graph::infer_inputs(const std::vector<ValueId>& inputs) const {
  std::vector<Infer::Input> result;
  for (ValueId id : inputs)
    result.push_back(id == no_id ? Infer::Input{} : infer_input(values_[id]));
  return result;
}

void Graph::infer_node(NodeId id) {
  Node& node = nodes_[id];
  const std::string& scope = node.outputs.empty() ? node.name : values_[node.outputs[0]].name;
  Infer context(scope, infer_inputs(node.inputs), node.outputs.size(), &node.subgraphs);
  try {
    node.op.infer(context);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (context.results()[i].known) continue;
      fail(ErrorCode::invalid_model, "has {} outputs, expected at most {}", node.outputs.size(), i);
    }
  } catch (const Error& error) {
    throw error.at(describe(node));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    values_[node.outputs[i]].type = std::move(context.results()[i].type);
    values_[node.outputs[i]].content = std::move(context.results()[i].content);
  }
  for (const auto& [symbol, bound] : context.fresh_symbols()) set_symbol_bound(symbol, bound);
}

void Graph::set_symbol_bound(std::string symbol, Dim bound) {
  symbol_bounds_.insert_or_assign(std::move(symbol), std::move(bound));
}

void Graph::set_input(NodeId node, size_t i, ValueId value) {
  if (i >= nodes_[node].inputs.size()) nodes_[node].inputs.resize(i + 1, no_id);
  const ValueId old = nodes_[node].inputs[i];
  if (old != no_id) std::erase(values_[old].uses, Use{node, static_cast<uint32_t>(i)});
  nodes_[node].inputs[i] = value;
  if (value != no_id) values_[value].uses.push_back({node, static_cast<uint32_t>(i)});
}

void Graph::replace_value(ValueId from, ValueId to) {
  if (from == to) return;
  for (const Use& use : values_[from].uses) {
    nodes_[use.node].inputs[use.input] = to;
    values_[to].uses.push_back(use);
  }
  values_[from].uses.clear();
  for (ValueId& output : outputs_) {
    if (output == from) output = to;
  }
}

void Graph::remove_node(NodeId id) {
  Node& node = nodes_[id];
  node.alive = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != no_id) {
      std::erase(values_[node.inputs[i]].uses, Use{id, static_cast<uint32_t>(i)});
    }
  }
}

bool Graph::is_output(ValueId value) const {
  return std::find(outputs_.begin(), outputs_.end(), value) != outputs_.end();
}

std::vector<NodeId> Graph::order() const {
  // Marks what the outputs need, then lets the ready node of lowest rank go first.
  std::vector<char> needed(nodes_.size(), 0);
  std::vector<NodeId> stack;
  const auto visit = [&](ValueId value) {
    if (value == no_id) return;
    const NodeId producer = values_[value].producer;
    if (producer == no_id || needed[producer]) return;
    needed[producer] = 1;
    stack.push_back(producer);
  };
  for (ValueId output : outputs_) visit(output);
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    for (ValueId input : nodes_[id].inputs) visit(input);
  }
  std::vector<uint32_t> waiting(nodes_.size(), 0);
  using Entry = std::pair<int64_t, NodeId>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  size_t total = 0;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (!needed[id]) continue;
    ++total;
    for (ValueId input : nodes_[id].inputs) {
      if (input != no_id && values_[input].producer != no_id) ++waiting[id];
    }
    if (waiting[id] == 0) ready.push({nodes_[id].rank, id});
  }
  std::vector<NodeId> result;
  while (!ready.empty()) {
    const NodeId id = ready.top().second;
    ready.pop();
    result.push_back(id);
    for (ValueId output : nodes_[id].outputs) {
      for (const Use& use : values_[output].uses) {
        if (needed[use.node] && --waiting[use.node] == 0)
          ready.push({nodes_[use.node].rank, use.node});
      }
    }
  }
  if (result.size() != total) fail(ErrorCode::invalid_model, "the graph '{}' has a cycle", name);
  return result;
}

size_t Graph::remove_dead() {
  std::vector<char> needed(nodes_.size(), 0);
  for (NodeId id : order()) needed[id] = 1;
  size_t removed = 0;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (nodes_[id].alive && !needed[id]) {
      remove_node(id);
      ++removed;
    }
  }
  return removed;
}

/// Copies a graph node by node; who uses it sets the types.
struct Graph::Copier {
  const Graph& from;
  Graph to;
  std::vector<ValueId> map;
  std::set<std::string> names;

  explicit Copier(const Graph& graph) : from(graph), map(graph.value_count(), no_id) {
    to.name = graph.name;
    for (ValueId input : graph.inputs()) names.insert(graph.value(input).name);
  }

  /// Fresh symbols are spelt after values, so no two may share a name.
  std::string unique(std::string name) {
    while (!names.insert(name).second) name += "#";
    return name;
  }

  ValueId mapped(ValueId id) {
    if (id == no_id) return no_id;
    if (map[id] == no_id && from.value(id).is_constant()) {
      map[id] = to.add_constant(from.value(id).constant, unique(from.value(id).name));
    }
    return map[id];
  }

  /// Appends the node without inferring; its outputs keep their names.
  NodeId copy(NodeId id) {
    const Node& node = from.node(id);
    Node copy{node.name, node.op, {}, {}, node.subgraphs, -1, true};
    for (ValueId input : node.inputs) copy.inputs.push_back(mapped(input));
    std::vector<std::string> outputs;
    for (ValueId output : node.outputs) outputs.push_back(unique(from.value(output).name));
    const NodeId result = to.append_node(std::move(copy), outputs);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      map[node.outputs[i]] = to.nodes_[result].outputs[i];
    return result;
  }

  void finish() {
    for (size_t i = 0; i < from.outputs().size(); ++i) {
      to.add_output(mapped(from.outputs()[i]), from.output_names()[i]);
    }
  }
};

Graph Graph::compact() const {
  Copier copier(*this);
  for (ValueId input : inputs_)
    copier.map[input] = copier.to.add_input(values_[input].name, values_[input].type);
  for (ValueId input : inputs_)
    copier.to.values_[copier.map[input]].content = values_[input].content;
  for (NodeId id : order()) {
    const NodeId copy = copier.copy(id);
    for (size_t i = 0; i < nodes_[id].outputs.size(); ++i) {
      Value& to = copier.to.values_[copier.to.nodes_[copy].outputs[i]];
      const Value& from = values_[nodes_[id].outputs[i]];
      to.type = from.type;
      to.content = from.content;
    }
  }
  copier.finish();
  copier.to.symbol_bounds_ = symbol_bounds_;
  return std::move(copier.to);
}

Graph Graph::specialize(const Bindings& bindings, const std::vector<Type>& input_types) const {
  Copier copier(*this);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Value& input = values_[inputs_[i]];
    Type type = input_types.empty() ? substitute(input.type, bindings) : input_types[i];
    const ValueId copy = copier.to.add_input(input.name, std::move(type));
    if (input.content) {
      Dims content = *input.content;
      for (Dim& dim : content) dim = dim.substitute(bindings);
      copier.to.values_[copy].content = std::move(content);
    }
    copier.map[inputs_[i]] = copy;
  }
  for (NodeId id : order()) {
    copier.to.infer_node(copier.copy(id));
    for (ValueId output : nodes_[id].outputs) {
      copier.to.values_[copier.map[output]].type.tensor.layout = values_[output].type.tensor.layout;
    }
  }
  copier.finish();
  return std::move(copier.to);
}

}  // namespace drawbar
