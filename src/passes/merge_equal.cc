#include "passes/merge_equal.h"

#include <unordered_map>

namespace drawbar {
namespace {

void merge_constants(Graph& graph) {
  std::map<std::pair<Hash, std::string>, ValueId> first;
  const auto count = static_cast<ValueId>(graph.value_count());
  for (ValueId id = 0; id < count; ++id) {
    const Value& value = graph.value(id);
    if (!value.is_constant() || !graph.is_used(id)) continue;
    const auto [found, fresh] =
        first.try_emplace({value.constant->hash(), to_string(value.type)}, id);
    if (!fresh) graph.replace_value(id, found->second);
  }
}

std::string key_of(const Node& node) {
  std::string key(node.op.name());
  for (ValueId input : node.inputs) key += fmt::format(" {}", input);
  key += fmt::format(" -> {}", node.outputs.size());
  for (const auto& [name, value] : node.op.attributes()) {
    key += " " + name + "=" + to_string(value);
  }
  return key;
}

}  // namespace

void merge_equal(Graph& graph, const PassOptions&) {
  merge_constants(graph);
  std::unordered_map<std::string, NodeId> first;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.op.schema().deterministic || !node.subgraphs.empty()) continue;
    const auto [found, fresh] = first.try_emplace(key_of(node), id);
    if (fresh) continue;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      graph.replace_value(node.outputs[i], graph.node(found->second).outputs[i]);
    }
    graph.remove_node(id);
  }
}

}  // namespace drawbar
