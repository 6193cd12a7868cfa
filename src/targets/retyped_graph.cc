#include "targets/retyped_graph.h"

#include "ops/cast/op.h"

namespace drawbar {

RetypedGraph::RetypedGraph(const Graph& from, std::string mark)
    : from_(from),
      as_is_(from.value_count(), no_id),
      other_(from.value_count(), no_id),
      mark_(std::move(mark)) {
  to_.name = from.name;
}

Graph RetypedGraph::copy() {
  for (ValueId id : from_.inputs()) {
    as_is_[id] = to_.add_input(from_.value(id).name, from_.value(id).type);
    if (from_.value(id).content) to_.set_content(as_is_[id], *from_.value(id).content);
  }
  for (NodeId id : from_.order()) place(id);
  for (size_t i = 0; i < from_.outputs().size(); ++i)
    to_.add_output(original(from_.outputs()[i]), from_.output_names()[i]);
  for (const auto& [symbol, bound] : from_.symbol_bounds()) to_.set_symbol_bound(symbol, bound);
  return std::move(to_);
}

ValueId RetypedGraph::cast(ValueId value, ElementType element, const std::string& name) {
  const NodeId node = to_.add_named_node(ops::Cast{.to = element}, {value}, {name}, "cast " + name);
  return to_.node(node).outputs[0];
}

ValueId RetypedGraph::original(ValueId id) {
  if (id == no_id) return no_id;
  const Value& value = from_.value(id);
  if (as_is_[id] == no_id) {
    as_is_[id] = value.is_constant()
                     ? to_.add_constant(value.constant, value.name)
                     : cast(other_[id], value.type.tensor.element, value.name + mark_);
  }
  return as_is_[id];
}

}  // namespace drawbar
