#include "targets/cuda/narrow.h"

#include "base/half_tensor.h"
#include "ops/cast/op.h"
#include "ops/reshape/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

bool is(const Type& type, ElementType element) {
  return type.is_tensor() && type.tensor.element == element;
}

class Narrower {
 public:
  Narrower(const Graph& graph, ElementType half, const GpuInfo& gpu)
      : from_(graph),
        half_(half),
        gpu_(gpu),
        as_is_(graph.value_count(), no_id),
        narrow_(graph.value_count(), no_id) {
    to_.name = graph.name;
  }

  Graph run() {
    for (ValueId id : from_.inputs())
      as_is_[id] = to_.add_input(from_.value(id).name, from_.value(id).type);
    for (NodeId id : from_.order()) place(id);
    for (size_t i = 0; i < from_.outputs().size(); ++i)
      to_.add_output(original(from_.outputs()[i]), from_.output_names()[i]);
    return std::move(to_);
  }

 private:
  ValueId cast(ValueId value, ElementType element, const std::string& name) {
    const NodeId node =
        to_.add_named_node(ops::Cast{.to = element}, {value}, {name}, "cast " + name);
    return to_.node(node).outputs[0];
  }

  /// The value in its own type.
  ValueId original(ValueId id) {
    if (id == no_id) return no_id;
    const Value& value = from_.value(id);
    if (as_is_[id] == no_id) {
      as_is_[id] = value.is_constant()
                       ? to_.add_constant(value.constant, value.name)
                       : cast(narrow_[id], value.type.tensor.element, value.name + "#f32");
    }
    return as_is_[id];
  }

  /// An f32 value as a half; no_id for a constant that it does not hold.
  ValueId narrowed(ValueId id) {
    if (narrow_[id] != no_id) return narrow_[id];
    const Value& value = from_.value(id);
    if (!value.is_constant()) return narrow_[id] = cast(original(id), half_, value.name + "#half");
    std::optional<Tensor> tensor = to_half(value.constant->tensor(), half_);
    if (!tensor) return no_id;
    return narrow_[id] = to_.add_constant(std::move(*tensor), value.name);
  }

  /// Whether some kernel takes the node with the inputs of `as_half` as halves.
  bool takes(const Node& node, const std::vector<char>& as_half) const {
    std::vector<Type> types(node.inputs.size());
    std::vector<Infer::Input> inputs(node.inputs.size());
    std::vector<Operand> operands(node.inputs.size()), results;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_id) continue;
      const Value& value = from_.value(node.inputs[i]);
      inputs[i] = infer_input(value);
      types[i] = value.type;
      operands[i] = operand(value);
      if (!as_half[i]) continue;
      types[i].tensor.element = operands[i].type = half_;
      inputs[i] = {&types[i], nullptr, nullptr};
    }
    try {
      Infer context(node.name, inputs, node.outputs.size());
      node.op.infer(context);
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const Infer::Output& result = context.results()[i];
        Operand output = operand(from_.value(node.outputs[i]));
        output.type = result.type.tensor.element;
        results.push_back(std::move(output));
      }
    } catch (const Error&) {
      return false;  // the operator does not mix these types
    }
    if (ops::is_view(node.op)) return true;
    PackedConstants packed;
    return !candidates({node.op, operands, results, gpu_, packed}).empty();
  }

  /// Which inputs become halves: all that are f32, else the first alone (scales and the like stay),
  /// else none.
  std::vector<char> choose(const Node& node) {
    std::vector<char> all(node.inputs.size(), 0), first = all, none = all;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_id || !is(from_.value(node.inputs[i]).type, ElementType::f32))
        continue;
      all[i] = 1;
      if (i == 0) first[i] = 1;
    }
    for (const std::vector<char>& tried : {all, first}) {
      if (tried == none) continue;
      bool fit = takes(node, tried);
      for (size_t i = 0; fit && i < tried.size(); ++i)
        fit = !tried[i] || narrowed(node.inputs[i]) != no_id;
      if (fit) return tried;
    }
    return none;
  }

  void place(NodeId id) {
    const Node& node = from_.node(id);
    const ops::Cast* widening = node.op.as<ops::Cast>();
    if (widening && widening->to == ElementType::f32 &&
        is(from_.value(node.inputs[0]).type, half_)) {
      narrow_[node.outputs[0]] = original(node.inputs[0]);
      return;
    }
    const std::vector<char> as_half = choose(node);
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      inputs.push_back(as_half[i] ? narrowed(node.inputs[i]) : original(node.inputs[i]));
    std::vector<std::string> names;
    for (ValueId output : node.outputs) names.push_back(from_.value(output).name);
    const NodeId copy =
        to_.add_named_node(node.op, std::move(inputs), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = to_.node(copy).outputs[i];
      const bool narrower = is(from_.value(node.outputs[i]).type, ElementType::f32) &&
                            is(to_.value(output).type, half_);
      (narrower ? narrow_ : as_is_)[node.outputs[i]] = output;
    }
  }

  const Graph& from_;
  ElementType half_;
  const GpuInfo& gpu_;
  Graph to_;
  std::vector<ValueId> as_is_, narrow_;  // by value of from_: in its type, and as a half
};

}  // namespace

Graph narrow(const Graph& graph, ElementType half, const GpuInfo& gpu) {
  return Narrower(graph, half, gpu).run();
}

}  // namespace drawbar::cuda
