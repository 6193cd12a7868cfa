#pragma once

#include "ir/op.h"
#include "ops/score_transform/op.h"

namespace drawbar::ops {

/// How the leaves that the trees give for one target are put together.
enum class TreeAggregate : uint8_t { average, sum, min, max };

/// What a node tests: whether the feature is `test` the threshold, or a member of a set. In ONNX's
/// order.
enum class TreeTest : uint8_t { leq, lt, gte, gt, eq, neq, member };
inline constexpr int tree_test_count = 7;

/// Set in a node's test: a feature that is not a number takes the true branch, whatever the test.
inline constexpr int32_t tree_missing_true = 8;

/// Decision trees: every tree leads each row to one leaf, whose votes are aggregated by target.
///
///     x            [N, F] f32 or f64
///     nodes        [n, 4] i32: the feature, the test (TreeTest, plus tree_missing_true), where to
///                  go when it holds, and where when not: node c >= 0, or leaf -1 - c
///     thresholds   [n] f32 or f64; a member test's is not read
///     roots        [t] i32: where each tree begins, a node or a leaf as above
///     leaf_ends    [l] i32: leaf i has the votes [leaf_ends[i - 1], leaf_ends[i])
///     vote_targets [v] i32, vote_weights [v] f32 or f64
///     base         [targets] f32 or f64 (optional), added at the end; of a classifier of one or
///     two
///                  classes 1 or 2 numbers
///     members      [m] f32 or f64 (optional): the sets of the member tests in the order of the
///                  nodes, a not-a-number behind each but the last
///
/// → y [N, targets] of type `element`, and when `classify` the class i64 [N]. All inputs but x are
/// constants; thresholds are compared as they are, sums are f64. A classifier of two classes, of
/// which one has no votes, gives the other's score and its complement, as onnxruntime does.
/// Sources: ONNX-ML TreeEnsemble-5, TreeEnsembleRegressor-3, TreeEnsembleClassifier-3.
struct TreeEnsemble {
  static constexpr std::string_view name = "TreeEnsemble";
  int64_t targets = 1;
  TreeAggregate aggregate = TreeAggregate::sum;
  ScoreTransform transform = ScoreTransform::none;
  bool classify = false;
  ElementType element = ElementType::f32;
  void fields(auto&& field) {
    field("targets", targets);
    field("aggregate", aggregate);
    field("transform", transform);
    field("classify", classify);
    field("element", element);
  }
};

namespace tree_input {
inline constexpr size_t x = 0, nodes = 1, thresholds = 2, roots = 3, leaf_ends = 4,
                        vote_targets = 5, vote_weights = 6, base = 7, members = 8, count = 9;
}

void infer(const TreeEnsemble&, Infer&);
void reference(const TreeEnsemble&, Evaluation&);
Dim operations(const TreeEnsemble&, const Infer&);
bool keeps_rows(const TreeEnsemble&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::TreeAggregate> {
  static constexpr std::string_view names[] = {"average", "sum", "min", "max"};
};
