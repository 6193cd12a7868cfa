#include "targets/cuda/narrow.h"

#include "ir/half_constant.h"
#include "ops/cast/op.h"
#include "ops/reshape/op.h"
#include "targets/cuda/tactic.h"
#include "targets/retyped_graph.h"

namespace drawbar::cuda {
namespace {

bool is(const Type& type, ElementType element) {
  return type.is_tensor() && type.tensor.element == element;
}

class Narrower final : RetypedGraph {
 public:
  Narrower(const Graph& graph, ElementType half, const GpuInfo& gpu)
      : RetypedGraph(graph, "#f32"), half_(half), gpu_(gpu) {}

  Graph run() { return copy(); }

 private:
  /// An f32 value as a half; no_id for a constant that it does not hold.
  ValueId narrowed(ValueId id) {
    if (other_[id] != no_id) return other_[id];
    const Value& value = from_.value(id);
    if (!value.is_constant()) return other_[id] = cast(original(id), half_, value.name + "#half");
    const ConstantPtr rounded = rounded_to_half(*value.constant, half_);
    if (!rounded) return no_id;
    return other_[id] = to_.add_constant(rounded, value.name);
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
    return some_tactic_takes(node.op, operands, results, gpu_);
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

  void place(NodeId id) override {
    const Node& node = from_.node(id);
    const ops::Cast* widening = node.op.as<ops::Cast>();
    if (widening && widening->to == ElementType::f32 &&
        is(from_.value(node.inputs[0]).type, half_)) {
      other_[node.outputs[0]] = original(node.inputs[0]);
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
      (narrower ? other_ : as_is_)[node.outputs[i]] = output;
    }
  }

  ElementType half_;
  const GpuInfo& gpu_;
};

}  // namespace

Graph narrow(const Graph& graph, ElementType half, const GpuInfo& gpu) {
  return Narrower(graph, half, gpu).run();
}

}  // namespace drawbar::cuda
