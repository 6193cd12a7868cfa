#include "targets/cpu/widen_half.h"

#include "base/half_tensor.h"
#include "ops/reshape/op.h"
#include "targets/cpu/select.h"
#include "targets/retyped_graph.h"

namespace drawbar::cpu {
namespace {

bool is_half(const Type& type) { return type.is_tensor() && drawbar::is_half(type.tensor.element); }

class Widener final : RetypedGraph {
 public:
  Widener(const Graph& graph, Isa isa) : RetypedGraph(graph, "#half"), isa_(isa) {}

  Graph run() { return copy(); }

 private:
  /// The value in f32 where it is a half, else as it is.
  ValueId widened(ValueId id) {
    if (id == no_id || !is_half(from_.value(id).type)) return original(id);
    if (other_[id] != no_id) return other_[id];
    const Value& value = from_.value(id);
    if (!value.is_constant())
      return other_[id] = cast(original(id), ElementType::f32, value.name + "#f32");
    return other_[id] = to_.add_constant(to_f32(value.constant->tensor()), value.name + "#f32");
  }

  void place(NodeId id) override {
    const Node& node = from_.node(id);
    const bool widen = wants_f32(node);
    const uint32_t kept = widen ? kept_halves(node) : 0;
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool keep = !widen || (i < 32 && (kept >> i & 1) != 0);
      inputs.push_back(keep ? original(node.inputs[i]) : widened(node.inputs[i]));
    }
    std::vector<std::string> names;
    for (ValueId output : node.outputs) {
      const Value& value = from_.value(output);
      names.push_back(widen && is_half(value.type) ? value.name + "#f32" : value.name);
    }
    const NodeId copy =
        to_.add_named_node(node.op, std::move(inputs), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId made = to_.node(copy).outputs[i];
      (widen && is_half(from_.value(node.outputs[i]).type) ? other_ : as_is_)[node.outputs[i]] =
          made;
    }
  }

  bool wants_f32(const Node& node) const {
    if (!node.subgraphs.empty()) return false;
    bool halves = false, follows = false;
    for (ValueId input : node.inputs) {
      if (input == no_id || !is_half(from_.value(input).type)) continue;
      halves = true;
      follows |= other_[input] != no_id;
    }
    if (!halves || !gives_f32(node)) return false;
    if (ops::is_view(node.op)) return follows;
    return applies(node, true) && (follows || !applies(node, false));
  }

  /// Whether inference takes the node with f32 for its halves, and answers f32 for them.
  bool gives_f32(const Node& node) const {
    std::vector<Type> types(node.inputs.size());
    std::vector<Infer::Input> inputs = from_.infer_inputs(node.inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].type || !is_half(*inputs[i].type)) continue;
      types[i] = *inputs[i].type;
      types[i].tensor.element = ElementType::f32;
      inputs[i] = {&types[i], nullptr, inputs[i].content};
    }
    Infer context(node.name, inputs, node.outputs.size());
    try {
      node.op.infer(context);
    } catch (const Error&) {
      return false;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Type& was = from_.value(node.outputs[i]).type;
      if (!was.is_tensor() || !was.tensor.ranked) return false;
      const ElementType wanted = is_half(was) ? ElementType::f32 : was.tensor.element;
      if (context.results()[i].type.tensor.element != wanted) return false;
    }
    return true;
  }

  /// The constants that may stay halves where the node computes in f32 (bit i: input i).
  uint32_t kept_halves(const Node& node) const {
    uint32_t kept = 0;
    for (size_t i = 0; i < node.inputs.size() && i < 32; ++i) {
      if (node.inputs[i] == no_id || (node.op.half_weights() >> i & 1) == 0) continue;
      const Value& value = from_.value(node.inputs[i]);
      if (value.is_constant() && is_half(value.type)) kept |= 1U << i;
    }
    return kept != 0 && applies(node, true, kept) ? kept : 0;
  }

  /// Whether some tactic takes the node, with its halves as f32, but for those `kept`, or as they
  /// are.
  bool applies(const Node& node, bool widens, uint32_t kept = 0) const {
    const auto operand = [&](ValueId id, bool as_f32) {
      Operand o;
      if (id == no_id) return o;
      const Value& value = from_.value(id);
      o.present = true;
      o.type = as_f32 && is_half(value.type) ? ElementType::f32 : value.type.tensor.element;
      for (const Dim& dim : value.type.tensor.dims)
        o.shape.push_back(dim.is_constant() ? dim.value() : 16);
      if (!as_f32 || !is_half(value.type)) o.constant = value.constant;
      return o;
    };
    std::vector<Operand> inputs, outputs;
    for (ValueId id : node.inputs) {
      if (id != no_id && (!from_.value(id).type.is_tensor() || !from_.value(id).type.tensor.ranked))
        return false;
      inputs.push_back(
          operand(id, widens && (inputs.size() >= 32 || (kept >> inputs.size() & 1) == 0)));
    }
    for (ValueId id : node.outputs) outputs.push_back(operand(id, widens));
    PackedConstants packed;
    for (bool channels_last : {false, true}) {
      if (channels_last &&
          (layout_rule(node.op.name()) != LayoutRule::channels_last || inputs[0].rank() != 4))
        break;
      if (channels_last) inputs[0].layout = outputs[0].layout = Layout::channels_last;
      const Problem problem{node.op, inputs, outputs, 1, isa_, packed};
      for (const Tactic& tactic : tactics_for(node.op.name())) {
        if (tactic.applies(problem)) return true;
      }
    }
    return false;
  }

  Isa isa_;
};

}  // namespace

Graph widen_half(const Graph& graph, Isa isa) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (is_half(graph.value(id).type)) return Widener(graph, isa).run();
  }
  return graph;
}

}  // namespace drawbar::cpu
