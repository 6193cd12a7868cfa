#pragma once

#include <span>
#include <vector>

#include "ops/tree_ensemble/op.h"

namespace drawbar::ops {

/// The trees of an ensemble, checked: every index is in range, every path ends at a leaf.
class Forest {
 public:
  struct Node {
    double threshold;
    int32_t feature;
    TreeTest test;
    bool missing_true;
    int32_t when_true, when_false;  // as in TreeEnsemble
  };
  struct Votes {
    std::span<const int32_t> targets;
    std::span<const double> weights;
  };

  /// `inputs` are TreeEnsemble's (null: absent; x is not read). Throws INVALID_MODEL that names
  /// what is wrong, and where.
  Forest(const TreeEnsemble& op, std::span<const Tensor* const> inputs);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<int32_t>& roots() const { return roots_; }
  int64_t leaves() const { return static_cast<int64_t>(leaf_ends_.size()); }
  Votes votes(int32_t leaf) const;
  const std::vector<double>& base() const { return base_; }
  /// How many features a row must have.
  int64_t features() const { return features_; }
  /// The tests on the longest paths of all trees together: at most so many for a row.
  int64_t tests() const { return tests_; }

  /// The leaf where a row ends that begins at `root`.
  template <class T>
  int32_t leaf(int32_t root, const T* x) const {
    while (root >= 0) {
      const Node& node = nodes_[static_cast<size_t>(root)];
      root = holds(root, static_cast<double>(x[node.feature])) ? node.when_true : node.when_false;
    }
    return -1 - root;
  }

 private:
  void read_nodes(const Tensor& nodes, const Tensor& thresholds);
  void read_votes(const TreeEnsemble& op, const Tensor& ends, const Tensor& targets,
                  const Tensor& weights);
  void read_members(const Tensor* members);
  void check_paths();
  void expect_place(int32_t place, std::string_view what, size_t index) const;
  bool holds(int32_t node, double x) const;

  std::vector<Node> nodes_;
  std::vector<int32_t> roots_, leaf_ends_, vote_targets_;
  std::vector<double> vote_weights_, base_;
  std::vector<double> members_;      // the sets, each sorted
  std::vector<size_t> member_ends_;  // of the sets
  std::vector<int32_t> node_sets_;   // by node: its set; empty when no node tests membership
  int64_t features_ = 0, tests_ = 0;
};

/// Throws INVALID_MODEL unless there may be so many targets.
void expect_targets(const TreeEnsemble& op);
/// Throws INVALID_MODEL unless `base` may have so many elements.
void expect_base_size(const TreeEnsemble& op, int64_t size);

/// Turns the sums of one row into what the operator gives. Thread-safe.
class TreeScores {
 public:
  TreeScores(const TreeEnsemble& op, const Forest& forest);

  /// `sums` [targets] are the aggregated votes, and become y's row; `voted` [targets] says which
  /// targets any of the row's leaves voted for. Returns the class, of a classifier.
  int64_t finish(std::span<double> sums, std::span<const uint8_t> voted) const;

 private:
  int64_t finish_two_classes(std::span<double> sums, std::span<const uint8_t> voted) const;

  TreeEnsemble op_;
  std::vector<double> base_;
  double trees_;
  bool one_class_votes_ = false;  // of two classes only one ever gets a vote
  bool weights_positive_ = true;
};

/// So many trees are summed up on their own, and their sums then added: what a row's sum is does
/// not depend on who computes it.
inline constexpr size_t trees_per_sum = 32;

/// Bytes that evaluate_rows needs to work in.
int64_t evaluation_bytes(int64_t targets);

/// Evaluates rows [begin, end) of x [N, features] by plain loops, into y [N, targets] of the
/// operator's element type and, of a classifier, `classes` [N]. `scratch` is aligned for doubles.
template <class T>
void evaluate_rows(const TreeEnsemble& op, const Forest& forest, const TreeScores& scores,
                   const T* x, int64_t features, int64_t begin, int64_t end, void* y,
                   int64_t* classes, void* scratch);

/// Stores one row of y.
void write_scores(const TreeEnsemble& op, std::span<const double> scores, int64_t row, void* y);

}  // namespace drawbar::ops
