#include "precision/half_weights.h"

#include <map>

#include "base/checked.h"
#include "ir/half_constant.h"
#include "ops/cast/op.h"
#include "ops/gather/op.h"

namespace drawbar {
namespace {

constexpr int64_t kLeastNumbers = 1024;

class Halver {
 public:
  Halver(Graph& graph, ElementType half) : graph_(graph), half_(half) {}

  void run() {
    for (NodeId id : graph_.order()) {
      for (size_t i = 0; i < graph_.node(id).subgraphs.size(); ++i) {
        Graph inner = store_half(*graph_.node(id).subgraphs[i], half_);
        graph_.set_subgraph(id, i, std::make_shared<const Graph>(std::move(inner)));
      }
      if (graph_.node(id).op.as<ops::Gather>()) {
        gather(id);
      } else {
        store_weights(id);
      }
    }
    graph_.remove_dead();
  }

 private:
  bool is_f32(ValueId value) const {
    if (value == no_id) return false;
    const Type& type = graph_.value(value).type;
    return type.is_tensor() && type.tensor.element == ElementType::f32;
  }

  void store_weights(NodeId id) {
    const uint32_t weights = graph_.node(id).op.half_weights();
    if (weights == 0 || !is_f32(graph_.node(id).inputs[0])) return;
    for (size_t i = 1; i < graph_.node(id).inputs.size() && i < 32; ++i) {
      if ((weights >> i & 1) == 0) continue;
      const ValueId stored = stored_half(graph_.node(id).inputs[i]);
      if (stored != no_id) graph_.set_input(id, i, stored);
    }
  }

  void gather(NodeId id) {
    const Node node = graph_.node(id);
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = stored_half(inputs[0]);
    if (inputs[0] == no_id) return;
    const NodeId rows = graph_.add_node(node.op, std::move(inputs), 1, node.name, {}, node.rank);
    const NodeId cast =
        graph_.add_node(ops::Cast{.to = ElementType::f32}, {graph_.node(rows).outputs[0]}, 1,
                        node.name + " f32", {}, node.rank);
    const ValueId result = graph_.node(cast).outputs[0];
    graph_.set_value_name(result, graph_.value(node.outputs[0]).name);
    graph_.replace_value(node.outputs[0], result);
  }

  /// The value as a constant of halves; none where it stays as it is.
  ValueId stored_half(ValueId value) {
    if (!is_f32(value) || !graph_.value(value).is_constant()) return no_id;
    const auto [known, fresh] = made_.emplace(value, no_id);
    const ConstantPtr constant = graph_.value(value).constant;
    if (fresh && element_count(constant->shape()) >= kLeastNumbers) {
      if (const ConstantPtr rounded = rounded_to_half(*constant, half_))
        known->second = graph_.add_constant(rounded, graph_.value(value).name);
    }
    return known->second;
  }

  Graph& graph_;
  ElementType half_;
  std::map<ValueId, ValueId> made_;
};

}  // namespace

Graph store_half(Graph graph, ElementType half) {
  Halver(graph, half).run();
  return graph;
}

}  // namespace drawbar
