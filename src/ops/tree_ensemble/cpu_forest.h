#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ops/tree_ensemble/forest.h"

namespace drawbar::cpu {

/// So many rows of one tree, or trees of one row, are followed together: the waits for their nodes
/// overlap.
inline constexpr int tree_lanes = 8;

/// A node of 8 bytes, for f32. `slot` is where the feature stands in a block of rows (times
/// tree_lanes); the row goes on to the node `step` further when the feature is at most the
/// threshold, and to the one behind that otherwise. A leaf has step 0 and reads a slot that holds
/// minus infinity, so that the row stays; its threshold is its weight, or the bits of its row of
/// weights.
struct NarrowNode {
  using Number = float;
  using Bits = uint32_t;
  float threshold;
  uint16_t slot;
  uint16_t step;
};

/// The same without narrow limits.
template <class T>
struct WideNode {
  using Number = T;
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  T threshold;
  uint32_t slot;
  uint32_t step;
};

/// Where the rows of a block stand: features in slots, each of tree_lanes rows side by side. Where
/// nodes differ in where not-a-number goes, every feature has two slots, one for each direction,
/// that hold infinity or minus infinity instead of not-a-number.
struct RowSlots {
  int64_t features = 0;
  bool both_ways = false;
  bool missing_right = false;  // of the only slot

  int64_t of_leaves() const { return both_ways ? 2 * features : features; }
  int64_t count() const { return of_leaves() + 1; }
};

/// Trees made for speed: their nodes breadth first, one array for all. Only sums and averages of
/// trees whose nodes all compare in order, whose nodes have one parent each, and whose leaves
/// either have one vote each or vote for every target.
template <class Node>
struct CompactForest {
  using Number = typename Node::Number;
  std::vector<Node> nodes;
  std::vector<uint32_t> roots, depths;  // by tree: its first node, the tests on its longest path
  RowSlots slots;
  int64_t targets = 1;
  std::vector<int32_t> tree_targets;  // one vote for each leaf: the target of each tree
  std::vector<Number> leaf_rows;      // else the weights [rows, targets]
  std::vector<uint8_t> voted;         // [targets]: whether any leaf votes for it
  double tests = 0;                   // the trees' mean depths together: tests for one row
};

/// Nothing where the trees are of another kind (or need wider nodes).
template <class Node>
std::optional<CompactForest<Node>> compact_forest(const ops::TreeEnsemble& op,
                                                  const ops::Forest& forest, int64_t features);

extern template std::optional<CompactForest<NarrowNode>> compact_forest(const ops::TreeEnsemble&,
                                                                        const ops::Forest&,
                                                                        int64_t);
extern template std::optional<CompactForest<WideNode<float>>> compact_forest(
    const ops::TreeEnsemble&, const ops::Forest&, int64_t);
extern template std::optional<CompactForest<WideNode<double>>> compact_forest(
    const ops::TreeEnsemble&, const ops::Forest&, int64_t);

}  // namespace drawbar::cpu
