#include "engine/strip.h"

#include <cmath>

#include "base/checked.h"

namespace drawbar {
namespace {

constexpr int64_t least_stripped = 1024;  // elements; smaller constants may steer what is computed

bool is_stripped(const Constant& constant) {
  const ElementType type = constant.type();
  const bool weights = type == ElementType::f32 || is_half(type) || type == ElementType::i8 ||
                       type == ElementType::u8;
  return weights && !constant.description() && element_count(constant.shape()) >= least_stripped;
}

/// Seeded by its name, so that a model's engines of several precisions draw about the same weights.
ConstantPtr described(const Constant& constant, const std::string& name) {
  const Tensor& tensor = constant.tensor();
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double value = read_number(tensor, i);
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(tensor.size());
  const double mean = sum / count, variance = std::max(0.0, squares / count - mean * mean);
  const Description description{"normal", mean, std::sqrt(variance),
                                name.empty() ? constant.hash().low : hash_bytes(name).low};
  return std::make_shared<const Constant>(constant.type(), constant.shape(), description);
}

/// Whether refit may put `b` where `a` is.
bool have_one_form(const Constant& a, const Constant& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         (a.description() || a.hash() == b.hash());
}

/// Walks both graphs in step and gives the constants of `source` by the stripped graph's values.
class Fitting {
 public:
  Fitting(const Graph& stripped, const Graph& source) : to_(stripped), from_(source) {}

  std::map<ValueId, ConstantPtr> run() {
    const std::vector<NodeId> ours = to_.order(), theirs = from_.order();
    for (size_t i = 0; i < ours.size(); ++i) {
      const Node& node = to_.node(ours[i]);
      const std::string what = describe(node);
      if (i >= theirs.size()) refuse(what);
      const Node& other = from_.node(theirs[i]);
      if (!(node.op == other.op) || node.inputs.size() != other.inputs.size() ||
          node.outputs.size() != other.outputs.size())
        refuse(what);
      for (size_t k = 0; k < node.inputs.size(); ++k) pair(node.inputs[k], other.inputs[k], what);
      for (size_t k = 0; k < node.outputs.size(); ++k) met_[node.outputs[k]] = other.outputs[k];
    }
    if (ours.size() != theirs.size()) refuse("it has more nodes");
    return std::move(weights_);
  }

 private:
  [[noreturn]] static void refuse(const std::string& what) {
    fail(ErrorCode::invalid_argument, "the engine was compiled of another model: {}", what);
  }

  void pair(ValueId ours, ValueId theirs, const std::string& what) {
    if (ours == no_id || theirs == no_id) {
      if (ours != theirs) refuse(what);
      return;
    }
    const Value &value = to_.value(ours), &other = from_.value(theirs);
    if (value.is_constant() != other.is_constant()) refuse(what);
    if (value.is_constant()) {
      if (!have_one_form(*value.constant, *other.constant)) refuse(what);
      if (value.constant->description()) weights_[ours] = other.constant;
      return;
    }
    const auto known = met_.find(ours);
    if (known != met_.end() && known->second != theirs) refuse(what);
    if (known == met_.end() && value.producer != no_id) refuse(what);
  }

  const Graph &to_, &from_;
  std::map<ValueId, ValueId> met_;
  std::map<ValueId, ConstantPtr> weights_;
};

}  // namespace

Graph strip_weights(Graph graph) {
  const auto count = static_cast<ValueId>(graph.value_count());
  for (ValueId id = 0; id < count; ++id) {
    const Value& value = graph.value(id);
    if (!value.is_constant() || !graph.is_used(id) || !is_stripped(*value.constant)) continue;
    const std::string name = value.name;
    graph.replace_value(id, graph.add_constant(described(*value.constant, name), name));
  }
  for (NodeId id : graph.order()) {
    for (size_t i = 0; i < graph.node(id).subgraphs.size(); ++i) {
      graph.set_subgraph(
          id, i, std::make_shared<const Graph>(strip_weights(*graph.node(id).subgraphs[i])));
    }
  }
  return graph;
}

Graph refit(const Graph& stripped, const Graph& source) {
  Graph result = stripped;
  for (auto& [id, constant] : Fitting(stripped, source).run())
    result.replace_value(id, result.add_constant(constant, stripped.value(id).name));
  const std::vector<NodeId> order = result.order(), others = source.order();
  for (size_t n = 0; n < order.size(); ++n) {
    const Node& node = result.node(order[n]);
    for (size_t i = 0; i < node.subgraphs.size(); ++i) {
      result.set_subgraph(order[n], i,
                          std::make_shared<const Graph>(
                              refit(*node.subgraphs[i], *source.node(others[n]).subgraphs[i])));
    }
  }
  return result;
}

}  // namespace drawbar
