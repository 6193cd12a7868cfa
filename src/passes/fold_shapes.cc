#include "passes/fold_shapes.h"

#include <algorithm>

namespace drawbar {
namespace {

/// The contents as a tensor, when all of them are numbers.
std::optional<Tensor> known_content(const Value& value) {
  if (!value.content || !value.type.is_static()) return std::nullopt;
  const ElementType element = value.type.tensor.element;
  if (!is_integer(element) && element != ElementType::boolean) return std::nullopt;
  const Dims& content = *value.content;
  if (!std::all_of(content.begin(), content.end(), [](const Dim& d) { return d.is_constant(); }))
    return std::nullopt;
  Tensor tensor = Tensor::allocate(element, value.type.tensor.shape());
  if (tensor.size() != static_cast<int64_t>(content.size())) return std::nullopt;
  for (size_t i = 0; i < content.size(); ++i) {
    write_integer(tensor, static_cast<int64_t>(i), content[i].value());
  }
  return tensor;
}

}  // namespace

void fold_shapes(Graph& graph, const PassOptions&) {
  graph = graph.specialize({});
  for (NodeId id : graph.order()) {
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    for (ValueId output : outputs) {
      const auto tensor = known_content(graph.value(output));
      if (!tensor) continue;
      graph.replace_value(output, graph.add_constant(*tensor, graph.value(output).name + ".known"));
    }
  }
  graph.remove_dead();
}

}  // namespace drawbar
