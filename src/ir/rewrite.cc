#include "ir/rewrite.h"

namespace drawbar {

const Value& Patch::value(ValueId id) const {
  const auto old = static_cast<ValueId>(graph_->value_count());
  return id < old ? graph_->value(id) : values_[id - old];
}

void Patch::name(ValueId added, std::string name) {
  values_[added - graph_->value_count()].name = std::move(name);
}

ValueId Patch::constant(Tensor tensor, std::string name) {
  return constant(std::make_shared<const Constant>(std::move(tensor)), std::move(name));
}

ValueId Patch::constant(ConstantPtr constant, std::string name) {
  Value value;
  value.name = std::move(name);
  value.type = Type(constant->type(), to_dims(constant->shape()));
  value.constant = std::move(constant);
  values_.push_back(std::move(value));
  return static_cast<ValueId>(graph_->value_count() + values_.size() - 1);
}

ValueId Patch::add(Op op, std::vector<ValueId> inputs, std::string name) {
  return add_all(std::move(op), std::move(inputs), 1, std::move(name))[0];
}

std::vector<ValueId> Patch::add_all(Op op, std::vector<ValueId> inputs, size_t outputs,
                                    std::string name, std::vector<GraphPtr> subgraphs) {
  Node node;
  node.name = name.empty() && anchor_ != no_id ? graph_->node(anchor_).name : std::move(name);
  node.op = std::move(op);
  node.subgraphs = std::move(subgraphs);
  std::vector<Infer::Input> given;
  for (ValueId id : inputs) given.push_back(id == no_id ? Infer::Input{} : infer_input(value(id)));
  const std::string scope = fmt::format("{}#{}", node.name, graph_->value_count() + values_.size());
  Infer context(scope, std::move(given), outputs, &node.subgraphs);
  try {
    node.op.infer(context);
  } catch (const Error& error) {
    throw error.at(describe(node));
  }
  for (auto& bound : context.fresh_symbols()) bounds_.push_back(bound);
  node.inputs = std::move(inputs);
  std::vector<ValueId> ids;
  for (size_t i = 0; i < outputs; ++i) {
    Value v;
    v.type = std::move(context.results()[i].type);
    v.content = std::move(context.results()[i].content);
    values_.push_back(std::move(v));
    ids.push_back(static_cast<ValueId>(graph_->value_count() + values_.size() - 1));
  }
  node.outputs = ids;
  nodes_.push_back(std::move(node));
  return ids;
}

void Patch::apply(Graph& graph) && {
  const auto base = static_cast<ValueId>(graph.value_count());
  for (const auto& [from, to] : replacements_) {
    if (to < base || values_[to - base].constant || !values_[to - base].name.empty()) continue;
    values_[to - base].name = std::move(graph.values_[from].name);
  }
  for (size_t i = 0; i < values_.size(); ++i) {
    Value& v = values_[i];
    if (v.name.empty()) v.name = fmt::format("v{}", base + i);
    graph.values_.push_back(std::move(v));
  }
  const int64_t rank = anchor_ == no_id ? -1 : graph.node(anchor_).rank;
  for (Node& node : nodes_) {
    const auto id = static_cast<NodeId>(graph.nodes_.size());
    node.rank = rank >= 0 ? rank : static_cast<int64_t>(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != no_id)
        graph.values_[node.inputs[i]].uses.push_back({id, static_cast<uint32_t>(i)});
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      graph.values_[node.outputs[i]].producer = id;
      graph.values_[node.outputs[i]].output = static_cast<uint32_t>(i);
    }
    graph.nodes_.push_back(std::move(node));
  }
  for (auto& [symbol, bound] : bounds_) graph.set_symbol_bound(symbol, bound);
  for (const auto& [from, to] : replacements_) graph.replace_value(from, to);
}

}  // namespace drawbar
