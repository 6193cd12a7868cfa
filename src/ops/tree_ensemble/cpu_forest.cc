#include "ops/tree_ensemble/cpu_forest.h"

#include <bit>
#include <cmath>
#include <limits>

namespace drawbar::cpu {
namespace {

using ops::Forest;
using ops::TreeTest;

/// A comparison as x <= threshold: the branch where that holds is on the left.
template <class T>
struct Ordered {
  T threshold;
  int32_t left, right;
  bool missing_right;
};

/// The largest T that is at most `value`, or less than it.
template <class T>
T at_most(double value, bool less) {
  T result = static_cast<T>(value);
  if (std::isinf(result) && !std::isinf(value) && result > 0) return std::numeric_limits<T>::max();
  const auto back = static_cast<double>(result);
  if (back > value || (less && back == value)) {
    result = std::nextafter(result, -std::numeric_limits<T>::infinity());
  }
  return result;
}

template <class T>
std::optional<Ordered<T>> ordered(const Forest::Node& node) {
  const bool holds_left = node.test == TreeTest::leq || node.test == TreeTest::lt;
  if (!holds_left && node.test != TreeTest::gte && node.test != TreeTest::gt) return std::nullopt;
  const bool less = node.test == TreeTest::lt || node.test == TreeTest::gte;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (less && node.threshold == -infinity) return std::nullopt;  // nothing is less
  Ordered<T> result;
  result.threshold = at_most<T>(node.threshold, less);
  // Not-a-number is put at plus infinity, which must be on the right.
  if (std::isinf(result.threshold) && result.threshold > 0) return std::nullopt;
  result.left = holds_left ? node.when_true : node.when_false;
  result.right = holds_left ? node.when_false : node.when_true;
  result.missing_right = node.missing_true != holds_left;
  return result;
}

bool each_node_has_one_parent(const Forest& forest) {
  std::vector<bool> reached(forest.nodes().size(), false);
  const auto reach = [&](int32_t place) {
    if (place < 0) return true;
    if (reached[static_cast<size_t>(place)]) return false;
    reached[static_cast<size_t>(place)] = true;
    return true;
  };
  for (int32_t root : forest.roots()) {
    if (!reach(root)) return false;
  }
  for (const Forest::Node& node : forest.nodes()) {
    if (!reach(node.when_true) || !reach(node.when_false)) return false;
  }
  return true;
}

bool leaves_have_one_vote(const Forest& forest) {
  for (int64_t leaf = 0; leaf < forest.leaves(); ++leaf) {
    if (forest.votes(static_cast<int32_t>(leaf)).targets.size() != 1) return false;
  }
  return true;
}

/// The weights of all leaves as rows; nothing unless each votes once for every target and T holds
/// the weights.
template <class T>
std::optional<std::vector<T>> rows_of_weights(const Forest& forest, int64_t targets) {
  const auto width = static_cast<size_t>(targets);
  std::vector<T> rows;
  for (int64_t leaf = 0; leaf < forest.leaves(); ++leaf) {
    const Forest::Votes votes = forest.votes(static_cast<int32_t>(leaf));
    if (votes.targets.size() != width) return std::nullopt;
    std::vector<bool> seen(width, false);
    rows.resize(rows.size() + width);
    for (size_t i = 0; i < width; ++i) {
      const auto target = static_cast<size_t>(votes.targets[i]);
      if (seen[target]) return std::nullopt;
      seen[target] = true;
      T& weight = rows[rows.size() - width + target];
      weight = static_cast<T>(votes.weights[i]);
      if (static_cast<double>(weight) != votes.weights[i]) return std::nullopt;
    }
  }
  return rows;
}

/// Puts the trees of one forest into the array.
template <class Node>
class Compactor {
 public:
  using T = typename Node::Number;

  Compactor(const Forest& forest, CompactForest<Node>& result) : forest_(forest), result_(result) {}

  /// False where the tree does not fit.
  bool add_tree(int32_t root) {
    const size_t first = result_.nodes.size();
    places_ = {root};
    depths_ = {0};
    int32_t target = -1;
    double depths = 0, leaves = 0;
    // places_[i] is what becomes node first + i.
    for (size_t i = 0; i < places_.size(); ++i) {
      Node node;
      if (places_[i] < 0) {
        if (!write_leaf(-1 - places_[i], node, target)) return false;
        depths += depths_[i];
        ++leaves;
      } else {
        const auto test = ordered<T>(forest_.nodes()[static_cast<size_t>(places_[i])]);
        if (!test || !write_test(*test, places_[i], places_.size() - i, node)) return false;
        places_.insert(places_.end(), {test->left, test->right});
        depths_.insert(depths_.end(), 2, depths_[i] + 1);
      }
      result_.nodes.push_back(node);
    }
    if (result_.nodes.size() > std::numeric_limits<uint32_t>::max()) return false;
    result_.roots.push_back(static_cast<uint32_t>(first));
    result_.depths.push_back(static_cast<uint32_t>(depths_.back()));  // breadth first
    if (result_.leaf_rows.empty()) result_.tree_targets.push_back(target);
    result_.tests += depths / leaves;
    return true;
  }

 private:
  template <class Field>
  static bool store(Field& field, size_t value) {
    field = static_cast<Field>(value);
    return field == value;
  }

  bool write_test(const Ordered<T>& test, int32_t place, size_t step, Node& node) const {
    const RowSlots& slots = result_.slots;
    const auto feature = static_cast<size_t>(forest_.nodes()[static_cast<size_t>(place)].feature);
    const bool second = slots.both_ways && test.missing_right;
    const size_t slot = feature + (second ? static_cast<size_t>(slots.features) : 0);
    node.threshold = test.threshold;
    return store(node.slot, slot * tree_lanes) && store(node.step, step);
  }

  bool write_leaf(int32_t leaf, Node& node, int32_t& target) const {
    node.step = 0;
    if (result_.leaf_rows.empty()) {
      const Forest::Votes votes = forest_.votes(leaf);
      if (target >= 0 && target != votes.targets[0]) return false;
      target = votes.targets[0];
      node.threshold = static_cast<T>(votes.weights[0]);
      if (static_cast<double>(node.threshold) != votes.weights[0]) return false;
    } else {
      node.threshold = std::bit_cast<T>(static_cast<typename Node::Bits>(leaf));
    }
    return store(node.slot, static_cast<size_t>(result_.slots.of_leaves()) * tree_lanes);
  }

  const Forest& forest_;
  CompactForest<Node>& result_;
  std::vector<int32_t> places_, depths_;
};

}  // namespace

template <class Node>
std::optional<CompactForest<Node>> compact_forest(const ops::TreeEnsemble& op, const Forest& forest,
                                                  int64_t features) {
  using T = typename Node::Number;
  if (op.aggregate != ops::TreeAggregate::sum && op.aggregate != ops::TreeAggregate::average)
    return std::nullopt;
  if (forest.roots().empty() || !each_node_has_one_parent(forest)) return std::nullopt;
  CompactForest<Node> result;
  result.targets = op.targets;
  result.voted.assign(static_cast<size_t>(op.targets), 1);
  if (!leaves_have_one_vote(forest)) {
    auto rows = rows_of_weights<T>(forest, op.targets);
    if (!rows) return std::nullopt;
    result.leaf_rows = std::move(*rows);
  }
  result.slots.features = features;
  bool left = false, right = false;
  for (const Forest::Node& node : forest.nodes()) {
    const auto test = ordered<T>(node);
    if (!test) return std::nullopt;
    (test->missing_right ? right : left) = true;
  }
  result.slots.both_ways = left && right;
  result.slots.missing_right = right;
  result.nodes.reserve(2 * forest.nodes().size() + forest.roots().size());
  Compactor<Node> compactor(forest, result);
  for (int32_t root : forest.roots()) {
    if (!compactor.add_tree(root)) return std::nullopt;
  }
  if (result.leaf_rows.empty()) {
    std::fill(result.voted.begin(), result.voted.end(), uint8_t{0});
    for (int32_t target : result.tree_targets) result.voted[static_cast<size_t>(target)] = 1;
  }
  return result;
}

template std::optional<CompactForest<NarrowNode>> compact_forest(const ops::TreeEnsemble&,
                                                                 const Forest&, int64_t);
template std::optional<CompactForest<WideNode<float>>> compact_forest(const ops::TreeEnsemble&,
                                                                      const Forest&, int64_t);
template std::optional<CompactForest<WideNode<double>>> compact_forest(const ops::TreeEnsemble&,
                                                                       const Forest&, int64_t);

}  // namespace drawbar::cpu
