#include "targets/layout.h"

#include "ops/reorder/op.h"

namespace drawbar {
namespace {

bool is_candidate(const Type& type) {
  if (!type.is_tensor() || !type.tensor.ranked || type.tensor.rank() != 4) return false;
  const ElementType element = type.tensor.element;
  return element == ElementType::f32 || element == ElementType::f16 ||
         element == ElementType::bf16 || element == ElementType::i32 ||
         element == ElementType::u8 || element == ElementType::i8;
}

/// The type's shape with a plausible number for every dimension that is only known while running.
Operand probe(const Value& value, Layout layout) {
  Operand result;
  result.type = value.type.tensor.element;
  for (const Dim& dim : value.type.tensor.dims)
    result.shape.push_back(dim.is_constant() ? dim.value() : 16);
  result.layout = layout;
  result.constant = value.constant;
  result.present = true;
  return result;
}

class Assigner {
 public:
  Assigner(const Graph& graph, const LayoutRules& rules)
      : from_(graph), rules_(rules), map_(graph.value_count(), no_id) {
    to_.name = graph.name;
  }

  Graph run() {
    for (ValueId input : from_.inputs()) {
      const Value& value = from_.value(input);
      map_[input] = to_.add_input(value.name, value.type);
      if (value.content) to_.set_content(map_[input], *value.content);
    }
    for (NodeId id : from_.order()) place(id);
    for (size_t i = 0; i < from_.outputs().size(); ++i) {
      to_.add_output(in_layout(from_.outputs()[i], Layout::row_major), from_.output_names()[i]);
    }
    for (const auto& [symbol, bound] : from_.symbol_bounds()) to_.set_symbol_bound(symbol, bound);
    return std::move(to_);
  }

 private:
  /// The copy of a value in a memory order, made by a Reorder when it is in the other one.
  ValueId in_layout(ValueId id, Layout layout) {
    if (id == no_id) return no_id;
    const Value& value = from_.value(id);
    if (map_[id] == no_id && value.is_constant())
      map_[id] = to_.add_constant(value.constant, value.name);
    const ValueId copy = map_[id];
    if (!is_candidate(value.type) || to_.value(copy).type.tensor.layout == layout) return copy;
    const auto known = reordered_.find({copy, layout});
    if (known != reordered_.end()) return known->second;
    const NodeId node = to_.add_named_node(
        ops::Reorder{layout}, {copy},
        {value.name + "#" + (layout == Layout::row_major ? "rm" : "cl")}, "reorder " + value.name);
    return reordered_[{copy, layout}] = to_.node(node).outputs[0];
  }

  Layout current(ValueId id) const {
    return map_[id] == no_id ? Layout::row_major : to_.value(map_[id]).type.tensor.layout;
  }

  void place(NodeId id) {
    const Node& node = from_.node(id);
    std::vector<Layout> inputs(node.inputs.size(), Layout::row_major),
        outputs(node.outputs.size(), Layout::row_major);
    if (wants_channels_last(node)) {
      std::vector<Layout> in = inputs, out = outputs;
      mark(node, in, out);
      std::vector<Layout> as_it_is = in;
      as_it_is[0] = current(node.inputs[0]);
      for (const std::vector<Layout>& tried : {as_it_is, in}) {
        if (!some_tactic_applies(node, tried, out)) continue;
        inputs = tried;
        outputs = out;
        break;
      }
    }
    std::vector<ValueId> placed;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      placed.push_back(in_layout(node.inputs[i], inputs[i]));
    std::vector<std::string> names;
    for (ValueId output : node.outputs) names.push_back(from_.value(output).name);
    const NodeId copy =
        to_.add_named_node(node.op, std::move(placed), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId value = to_.node(copy).outputs[i];
      Type type = to_.value(value).type;
      if (type.is_tensor()) {
        type.tensor.layout = outputs[i];
        to_.set_type(value, std::move(type));
      }
      map_[node.outputs[i]] = value;
    }
  }

  bool wants_channels_last(const Node& node) const {
    switch (rules_.rule(node.op.name())) {
      case LayoutRule::row_major:
        return false;
      case LayoutRule::channels_last:
        return node.inputs[0] != no_id && is_candidate(from_.value(node.inputs[0]).type);
      case LayoutRule::any:
        break;
    }
    for (ValueId input : node.inputs) {
      if (input != no_id && is_candidate(from_.value(input).type) &&
          current(input) == Layout::channels_last)
        return true;
    }
    return false;
  }

  /// Full-rank operands in channels-last: all of them under `any`; the first input, the first
  /// output and further inputs of the output's shape (residuals) under `channels_last`.
  void mark(const Node& node, std::vector<Layout>& inputs, std::vector<Layout>& outputs) const {
    const bool any = rules_.rule(node.op.name()) == LayoutRule::any;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (is_candidate(from_.value(node.outputs[i]).type) && (any || i == 0))
        outputs[i] = Layout::channels_last;
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_id || !is_candidate(from_.value(node.inputs[i]).type)) continue;
      const bool like_output = !node.outputs.empty() && i >= 2 &&
                               from_.value(node.inputs[i]).type.tensor.dims ==
                                   from_.value(node.outputs[0]).type.tensor.dims;
      if (any || i == 0 || like_output) inputs[i] = Layout::channels_last;
    }
  }

  bool some_tactic_applies(const Node& node, const std::vector<Layout>& in,
                           const std::vector<Layout>& out) const {
    std::vector<Operand> inputs, outputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_id) {
        inputs.emplace_back();
        continue;
      }
      const Type& type = from_.value(node.inputs[i]).type;
      if (!type.is_tensor() || !type.tensor.ranked) return false;
      inputs.push_back(probe(from_.value(node.inputs[i]), in[i]));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Type& type = from_.value(node.outputs[i]).type;
      if (!type.is_tensor() || !type.tensor.ranked) return false;
      outputs.push_back(probe(from_.value(node.outputs[i]), out[i]));
    }
    return rules_.takes(node.op, inputs, outputs);
  }

  const Graph& from_;
  const LayoutRules& rules_;
  Graph to_;
  std::vector<ValueId> map_;
  std::map<std::pair<ValueId, Layout>, ValueId> reordered_;
};

}  // namespace

Graph assign_layouts(const Graph& graph, const LayoutRules& rules) {
  return Assigner(graph, rules).run();
}

}  // namespace drawbar
