#include "targets/cpu/slices.h"

#include <algorithm>

#include "ops/concat/op.h"
#include "ops/reshape/op.h"
#include "targets/cpu/plan.h"

namespace drawbar::cpu {
namespace {

class Finder {
 public:
  Finder(const Graph& graph, int threads, Isa isa)
      : graph_(graph),
        threads_(threads),
        isa_(isa),
        slices_(graph.value_count()),
        is_planned_(graph.value_count(), false) {}

  std::vector<Slice> run() {
    for (ValueId id : graph_.inputs()) is_planned_[id] = is_placed(graph_.value(id).type);
    for (NodeId id : graph_.order()) {
      const bool planned = has_planned_memory(graph_.node(id));
      for (ValueId output : graph_.node(id).outputs) is_planned_[output] = planned;
    }
    // From the end: where a concatenation lies is known before what it joins is placed.
    const std::vector<NodeId> order = graph_.order();
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      if (joins_channels(graph_.node(*id))) place_inputs(*id);
    }
    return std::move(slices_);
  }

 private:
  bool knows(ValueId id) const {
    return id == no_id || (is_placed(graph_.value(id).type) &&
                           (graph_.value(id).is_constant() || is_planned_[id]));
  }

  bool has_planned_memory(const Node& node) const {
    return node.subgraphs.empty() &&
           std::all_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return knows(id); }) &&
           std::all_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return is_placed(graph_.value(id).type); });
  }

  int64_t channels(ValueId id) const { return graph_.value(id).type.tensor.dims[1].value(); }

  bool may_hold_slices(ValueId id) const {
    if (id == no_id || !is_planned_[id]) return false;
    const TensorType& type = graph_.value(id).type.tensor;
    return type.element == ElementType::f32 && type.rank() == 4 &&
           type.layout == Layout::channels_last && type.size().value() > 0;
  }

  bool joins_channels(const Node& node) const {
    const auto* concat = node.op.as<ops::Concat>();
    if (!concat || !may_hold_slices(node.outputs[0]) || (concat->axis != 1 && concat->axis != -3))
      return false;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      return id != no_id && (graph_.value(id).is_constant() || may_hold_slices(id));
    });
  }

  /// Whether some tactic of the node writes its output so.
  bool writes(const Node& node, const Slice& slice) const {
    const std::vector<Operand> inputs = operands(graph_, node.inputs);
    std::vector<Operand> outputs = operands(graph_, node.outputs);
    outputs[0].pitch = slice.pitch;
    PackedConstants packed;
    const Problem problem{node.op, inputs, outputs, threads_, isa_, packed};
    return some_tactic_takes(problem);
  }

  bool may_be_slice(ValueId id, const Slice& slice) const {
    const Value& value = graph_.value(id);
    if (!may_hold_slices(id) || value.producer == no_id || graph_.is_output(id)) return false;
    const auto readers = std::count_if(value.uses.begin(), value.uses.end(),
                                       [&](const Use& use) { return graph_.node(use.node).alive; });
    const Node& producer = graph_.node(value.producer);
    return readers == 1 && value.output == 0 && !ops::is_view(producer.op) &&
           has_planned_memory(producer) && writes(producer, slice);
  }

  void place_inputs(NodeId concat) {
    const Node& node = graph_.node(concat);
    const ValueId y = node.outputs[0];
    Slice slice = slices_[y].of != no_id ? slices_[y] : Slice{y, 0, channels(y)};
    for (ValueId id : node.inputs) {
      if (may_be_slice(id, slice)) slices_[id] = slice;
      slice.channel += channels(id);
    }
  }

  const Graph& graph_;
  const int threads_;
  const Isa isa_;
  std::vector<Slice> slices_;
  std::vector<bool> is_planned_;
};

}  // namespace

std::vector<Slice> find_slices(const Graph& graph, int threads, Isa isa) {
  return Finder(graph, threads, isa).run();
}

}  // namespace drawbar::cpu
