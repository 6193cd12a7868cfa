#include "targets/cpu/map_rows.h"

#include <algorithm>

#include "ops/map_rows/op.h"
#include "targets/cpu/plan.h"

namespace drawbar::cpu {
namespace {

class Finder {
 public:
  Finder(const Graph& whole, const Graph& part, int64_t batch, int64_t rows)
      : whole_(whole),
        part_(part),
        batch_(batch),
        rows_(rows),
        twin_(whole.value_count(), no_id),
        batched_(whole.value_count(), false),
        taken_(part.node_count(), false) {}

  RowsRegion run() {
    RowsRegion region;
    region.rows = rows_;
    for (size_t i = 0; i < whole_.inputs().size(); ++i) {
      const ValueId value = whole_.inputs()[i], twin = part_.inputs()[i];
      const Type &a = whole_.value(value).type, &b = part_.value(twin).type;
      if (!is_placed(a) || !is_placed(b)) continue;
      batched_[value] = differ_in_batch(a, b);
      if (batched_[value] ||
          (a.tensor.element == b.tensor.element && a.tensor.dims == b.tensor.dims))
        twin_[value] = twin;
    }
    for (NodeId id : whole_.order()) {
      const NodeId twin = twin_of(whole_.node(id));
      if (twin == no_id) continue;
      region.nodes.emplace_back(id, twin);
      taken_[twin] = true;
      for (size_t i = 0; i < whole_.node(id).outputs.size(); ++i) {
        twin_[whole_.node(id).outputs[i]] = part_.node(twin).outputs[i];
        batched_[whole_.node(id).outputs[i]] = true;
      }
    }
    return region;
  }

 private:
  bool differ_in_batch(const Type& a, const Type& b) const {
    if (!is_placed(a) || !is_placed(b)) return false;
    const Dims &x = a.tensor.dims, &y = b.tensor.dims;
    return a.tensor.element == b.tensor.element && a.tensor.layout == b.tensor.layout &&
           bits(a.tensor.element) % 8 == 0 && x.size() == y.size() && !x.empty() &&
           x[0] == Dim(batch_) && y[0] == Dim(rows_) &&
           std::equal(x.begin() + 1, x.end(), y.begin() + 1);
  }

  /// The same constant; or a shape that begins with the batch.
  bool same_constant(const Constant& a, const Constant& b) const {
    if (&a == &b) return true;
    if (a.type() != b.type() || a.shape() != b.shape()) return false;
    if (a.type() != ElementType::i64 || a.shape().size() != 1 || a.shape()[0] == 0)
      return a.hash() == b.hash();
    const auto x = a.tensor().values<int64_t>(), y = b.tensor().values<int64_t>();
    return (x[0] == y[0] || (x[0] == batch_ && y[0] == rows_)) &&
           std::equal(x.begin() + 1, x.end(), y.begin() + 1);
  }

  bool same_operand(ValueId a, ValueId b) const {
    if (a == no_id || b == no_id) return a == b;
    const Value &x = whole_.value(a), &y = part_.value(b);
    if (x.is_constant() != y.is_constant()) return false;
    return x.is_constant() ? same_constant(*x.constant, *y.constant) : twin_[a] == b;
  }

  bool is_twin(const Node& node, const Node& other) const {
    if (!other.alive || node.inputs.size() != other.inputs.size() ||
        node.outputs.size() != other.outputs.size() || !(node.op == other.op))
      return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!same_operand(node.inputs[i], other.inputs[i])) return false;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!differ_in_batch(whole_.value(node.outputs[i]).type, part_.value(other.outputs[i]).type))
        return false;
    }
    return true;
  }

  bool keeps_rows(const Graph& graph, const Node& node, const std::vector<bool>& batched) const {
    const Infer context(node.name, graph.infer_inputs(node.inputs), node.outputs.size());
    return node.op.keeps_rows(context, batched);
  }

  /// The node's twin when it belongs to the region, else no_id.
  NodeId twin_of(const Node& node) const {
    if (!node.subgraphs.empty() || !node.op.schema().deterministic) return no_id;
    std::vector<bool> batched;
    size_t first = node.inputs.size();
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      batched.push_back(id != no_id && batched_[id]);
      if (batched.back()) first = std::min(first, i);
      if (id != no_id && !whole_.value(id).is_constant() && twin_[id] == no_id) return no_id;
    }
    if (first == node.inputs.size()) return no_id;
    for (const Use& use : part_.value(twin_[node.inputs[first]]).uses) {
      if (use.input != first || taken_[use.node]) continue;
      const Node& other = part_.node(use.node);
      if (!is_twin(node, other)) continue;
      return keeps_rows(whole_, node, batched) && keeps_rows(part_, other, batched) ? use.node
                                                                                    : no_id;
    }
    return no_id;
  }

  const Graph &whole_, &part_;
  const int64_t batch_, rows_;
  std::vector<ValueId> twin_;
  std::vector<bool> batched_, taken_;
};

/// Copies nodes of one graph into another with their types, layouts included.
class Copier {
 public:
  explicit Copier(const Graph& from) : from_(from), map_(from.value_count(), no_id) {}

  void input(ValueId id) {
    map_[id] = to.add_input(from_.value(id).name, from_.value(id).type);
    if (from_.value(id).content) to.set_content(map_[id], *from_.value(id).content);
  }
  void node(NodeId id) {
    const Node& node = from_.node(id);
    std::vector<ValueId> inputs;
    for (ValueId input : node.inputs) inputs.push_back(at(input));
    std::vector<std::string> names;
    for (ValueId output : node.outputs) names.push_back(from_.value(output).name);
    const NodeId copy =
        to.add_named_node(node.op, std::move(inputs), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId value = to.node(copy).outputs[i];
      to.set_type(value, from_.value(node.outputs[i]).type);
      map_[node.outputs[i]] = value;
    }
  }
  ValueId at(ValueId id) {
    if (id == no_id) return no_id;
    const Value& value = from_.value(id);
    if (map_[id] == no_id && value.is_constant())
      map_[id] = to.add_constant(value.constant, value.name);
    return map_[id];
  }
  void set(ValueId id, ValueId copy) { map_[id] = copy; }

  Graph to;

 private:
  const Graph& from_;
  std::vector<ValueId> map_;
};

}  // namespace

RowsRegion find_rows_region(const Graph& whole, const Graph& part, int64_t batch, int64_t rows) {
  if (whole.inputs().size() != part.inputs().size()) return {rows, {}};
  return Finder(whole, part, batch, rows).run();
}

Graph map_rows(const Graph& whole, const Graph& part, const RowsRegion& region, size_t count) {
  count = std::min(count, region.nodes.size());
  std::vector<bool> inside(whole.node_count(), false);
  std::vector<ValueId> twin(whole.value_count(), no_id);
  for (size_t i = 0; i < count; ++i) {
    const auto [id, other] = region.nodes[i];
    inside[id] = true;
    for (size_t k = 0; k < whole.node(id).outputs.size(); ++k)
      twin[whole.node(id).outputs[k]] = part.node(other).outputs[k];
  }
  const auto read_inside = [&](ValueId id) {
    const auto& uses = whole.value(id).uses;
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) { return inside[use.node]; });
  };
  const auto read_outside = [&](ValueId id) {
    const auto& uses = whole.value(id).uses;
    return whole.is_output(id) || std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
             return whole.node(use.node).alive && !inside[use.node];
           });
  };
  std::vector<size_t> batched, shared;  // which inputs
  for (size_t i = 0; i < whole.inputs().size(); ++i) {
    if (!read_inside(whole.inputs()[i])) continue;
    const bool same = whole.value(whole.inputs()[i]).type.tensor.dims ==
                      part.value(part.inputs()[i]).type.tensor.dims;
    (same ? shared : batched).push_back(i);
  }
  const ops::MapRows op{region.rows, static_cast<int64_t>(batched.size())};
  batched.insert(batched.end(), shared.begin(), shared.end());

  Copier body(part), result(whole);
  body.to.name = "rows";
  result.to.name = whole.name;
  for (ValueId input : whole.inputs()) result.input(input);
  std::vector<ValueId> inputs, outputs;
  std::vector<std::string> names;
  for (size_t i : batched) {
    body.input(part.inputs()[i]);
    inputs.push_back(result.at(whole.inputs()[i]));
  }
  for (size_t i = 0; i < count; ++i) body.node(region.nodes[i].second);
  for (size_t i = 0; i < count; ++i) {
    for (ValueId id : whole.node(region.nodes[i].first).outputs) {
      if (!read_outside(id)) continue;
      body.to.add_output(body.at(twin[id]), whole.value(id).name);
      outputs.push_back(id);
      names.push_back(whole.value(id).name);
    }
  }
  if (outputs.empty() || op.batched == 0) return whole;
  const NodeId mapped = result.to.add_named_node(
      op, std::move(inputs), names, "rows", {std::make_shared<const Graph>(std::move(body.to))});
  for (size_t i = 0; i < outputs.size(); ++i)
    result.set(outputs[i], result.to.node(mapped).outputs[i]);
  for (NodeId id : whole.order()) {
    if (!inside[id]) result.node(id);
  }
  for (size_t i = 0; i < whole.outputs().size(); ++i)
    result.to.add_output(result.at(whole.outputs()[i]), whole.output_names()[i]);
  for (const auto& [symbol, bound] : whole.symbol_bounds())
    result.to.set_symbol_bound(symbol, bound);
  return std::move(result.to);
}

}  // namespace drawbar::cpu
