#include "ops/score_transform/import.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/cast/op.h"
#include "ops/gather/op.h"
#include "ops/tree_ensemble/forest.h"

namespace drawbar::onnx {
namespace {

using ops::TreeEnsemble;
using ops::TreeTest;

/// TreeEnsemble's constant inputs while they are put together.
struct Trees {
  std::vector<int32_t> nodes, roots, leaf_ends, vote_targets;
  Tensor thresholds, vote_weights, base, members;
};

template <class T>
Tensor tensor_of(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, values);
}

/// A list that is an attribute of floats, or a tensor under the name "…_as_tensor".
Tensor number_list(const OnnxNode& node, const std::string& name) {
  const std::string as_tensor = name + "_as_tensor";
  if (!node.has(as_tensor)) return tensor_of(node.numbers(name));
  if (node.has(name)) {
    fail(ErrorCode::invalid_model, "has both {} and {}, expected one of them", name, as_tensor);
  }
  return node.tensor(as_tensor);
}

/// A tensor attribute as f32 or f64.
Tensor real_tensor(const std::string& name, const Tensor& tensor) {
  const ElementType type = tensor.type();
  if (type == ElementType::f32 || type == ElementType::f64) return tensor;
  if (type != ElementType::f16) {
    fail(ErrorCode::invalid_model, "{} is {}, expected f32, f64 or f16", name, drawbar::name(type));
  }
  Tensor wide = Tensor::allocate(ElementType::f32, tensor.shape());
  for (int64_t i = 0; i < tensor.size(); ++i) write_number(wide, i, read_number(tensor, i));
  return wide;
}

Tensor flat(const Tensor& tensor) { return tensor.reshaped({tensor.size()}); }

void expect_length(std::string_view name, size_t length, std::string_view of, size_t expected) {
  if (length != expected) {
    fail(ErrorCode::invalid_model, "{} has {} elements, {} has {}", name, length, of, expected);
  }
}

int32_t narrow(int64_t value, std::string_view name, size_t index) {
  if (value < 0 || value > std::numeric_limits<int32_t>::max()) {
    fail(ErrorCode::invalid_model, "{}[{}] is {}, expected 0 to 2^31 - 1", name, index, value);
  }
  return static_cast<int32_t>(value);
}

/// The nodes of the older operators, which list interior nodes and leaves together and name both by
/// tree and number.
class NumberedNodes {
 public:
  explicit NumberedNodes(const OnnxNode& node)
      : trees_(node.integers("nodes_treeids")),
        ids_(node.integers("nodes_nodeids")),
        features_(node.integers("nodes_featureids")),
        when_true_(node.integers("nodes_truenodeids")),
        when_false_(node.integers("nodes_falsenodeids")),
        missing_true_(node.integers("nodes_missing_value_tracks_true")),
        modes_(node.texts("nodes_modes")),
        values_(flat(real_tensor("nodes_values", number_list(node, "nodes_values")))) {
    const size_t count = trees_.size();
    const auto expect = [&](std::string_view name, size_t length) {
      expect_length(name, length, "nodes_treeids", count);
    };
    expect("nodes_nodeids", ids_.size());
    expect("nodes_featureids", features_.size());
    expect("nodes_truenodeids", when_true_.size());
    expect("nodes_falsenodeids", when_false_.size());
    expect("nodes_modes", modes_.size());
    expect("nodes_values", static_cast<size_t>(values_.size()));
    if (!missing_true_.empty()) expect("nodes_missing_value_tracks_true", missing_true_.size());
    index();
  }

  size_t count() const { return trees_.size(); }
  /// Which node of the list it is. Throws INVALID_MODEL when there is none.
  size_t find(int64_t tree, int64_t id, std::string_view what, size_t index) const {
    const Name wanted{tree, id, 0};
    const auto found = std::lower_bound(names_.begin(), names_.end(), wanted);
    if (found == names_.end() || found->tree != tree || found->id != id) {
      fail(ErrorCode::invalid_model, "{}[{}] names node {} of tree {}, which is not there", what,
           index, id, tree);
    }
    return found->index;
  }
  bool is_leaf(size_t i) const { return places_[i] < 0; }
  /// The node's number in TreeEnsemble: that of an interior node, or -1 minus a leaf's.
  int32_t place(size_t i) const { return places_[i]; }
  int32_t leaves() const { return leaves_; }

  /// Nodes, thresholds and roots: a tree begins where it is listed first.
  void write(Trees& trees) const {
    std::vector<int64_t> interior;
    for (size_t i = 0; i < count(); ++i) {
      if (is_leaf(i)) continue;
      const size_t t = find(trees_[i], when_true_[i], "nodes_truenodeids", i);
      const size_t f = find(trees_[i], when_false_[i], "nodes_falsenodeids", i);
      const bool missing = !missing_true_.empty() && missing_true_[i] == 1;
      trees.nodes.insert(trees.nodes.end(), {narrow(features_[i], "nodes_featureids", i),
                                             tests_[i] | (missing ? ops::tree_missing_true : 0),
                                             places_[t], places_[f]});
      interior.push_back(static_cast<int64_t>(i));
    }
    trees.thresholds = Tensor::allocate(values_.type(), {static_cast<int64_t>(interior.size())});
    for (size_t i = 0; i < interior.size(); ++i) {
      write_number(trees.thresholds, static_cast<int64_t>(i), read_number(values_, interior[i]));
    }
    std::vector<size_t> first;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (i == 0 || names_[i].tree != names_[i - 1].tree) {
        first.push_back(names_[i].index);
      } else {
        first.back() = std::min(first.back(), names_[i].index);
      }
    }
    std::sort(first.begin(), first.end());
    for (size_t i : first) trees.roots.push_back(places_[i]);
    expect_reached(first);
  }

 private:
  struct Name {
    int64_t tree, id;
    size_t index;
    bool operator<(const Name& other) const {
      return tree != other.tree ? tree < other.tree : id < other.id;
    }
  };

  void index() {
    if (count() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      fail(ErrorCode::invalid_model, "has {} nodes, expected fewer than 2^31", count());
    }
    constexpr std::string_view modes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                          "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    int32_t interior = 0;
    for (size_t i = 0; i < count(); ++i) {
      names_.push_back({trees_[i], ids_[i], i});
      const auto* mode = std::find(std::begin(modes), std::end(modes), modes_[i]);
      if (mode == std::end(modes) && modes_[i] != "LEAF") {
        fail(ErrorCode::invalid_model,
             "nodes_modes[{}] is '{}', expected BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, "
             "BRANCH_EQ, BRANCH_NEQ or LEAF",
             i, modes_[i]);
      }
      tests_.push_back(static_cast<int32_t>(mode - modes));
      places_.push_back(mode == std::end(modes) ? -1 - leaves_++ : interior++);
    }
    std::sort(names_.begin(), names_.end());
    for (size_t i = 1; i < names_.size(); ++i) {
      if (names_[i].tree == names_[i - 1].tree && names_[i].id == names_[i - 1].id) {
        fail(ErrorCode::invalid_model, "node {} of tree {} is there twice", names_[i].id,
             names_[i].tree);
      }
    }
  }

  void expect_reached(const std::vector<size_t>& roots) const {
    std::vector<bool> reached(count(), false);
    std::vector<size_t> stack = roots;
    for (size_t i : roots) reached[i] = true;
    while (!stack.empty()) {
      const size_t i = stack.back();
      stack.pop_back();
      if (is_leaf(i)) continue;
      for (int64_t child : {when_true_[i], when_false_[i]}) {
        const size_t c = find(trees_[i], child, "child of node", i);
        if (!reached[c]) stack.push_back(c);
        reached[c] = true;
      }
    }
    for (size_t i = 0; i < count(); ++i) {
      if (reached[i]) continue;
      fail(ErrorCode::invalid_model, "node {} of tree {} is not reached from the tree's first node",
           ids_[i], trees_[i]);
    }
  }

  std::vector<int64_t> trees_, ids_, features_, when_true_, when_false_, missing_true_;
  std::vector<std::string> modes_;
  Tensor values_;
  std::vector<Name> names_;      // sorted
  std::vector<int32_t> tests_;   // by node
  std::vector<int32_t> places_;  // by node
  int32_t leaves_ = 0;
};

/// The votes of the older operators; `kind` is "class" or "target". Votes for interior nodes, which
/// some old converters write, have no effect.
void read_votes(const OnnxNode& node, const std::string& kind, const NumberedNodes& nodes,
                Trees& trees) {
  const std::vector<int64_t> tree_ids = node.integers(kind + "_treeids"),
                             node_ids = node.integers(kind + "_nodeids"),
                             targets = node.integers(kind + "_ids");
  const Tensor weights = flat(real_tensor(kind + "_weights", number_list(node, kind + "_weights")));
  expect_length(kind + "_nodeids", node_ids.size(), kind + "_treeids", tree_ids.size());
  expect_length(kind + "_ids", targets.size(), kind + "_treeids", tree_ids.size());
  expect_length(kind + "_weights", static_cast<size_t>(weights.size()), kind + "_treeids",
                tree_ids.size());
  std::vector<std::pair<int32_t, size_t>> order;  // by leaf
  for (size_t i = 0; i < targets.size(); ++i) {
    const size_t at = nodes.find(tree_ids[i], node_ids[i], kind + "_nodeids", i);
    if (nodes.is_leaf(at)) order.emplace_back(-1 - nodes.place(at), i);
  }
  std::sort(order.begin(), order.end());
  trees.vote_weights = Tensor::allocate(weights.type(), {static_cast<int64_t>(order.size())});
  trees.leaf_ends.assign(static_cast<size_t>(nodes.leaves()), 0);
  for (size_t i = 0; i < order.size(); ++i) {
    const auto [leaf, vote] = order[i];
    ++trees.leaf_ends[static_cast<size_t>(leaf)];
    trees.vote_targets.push_back(narrow(targets[vote], kind + "_ids", vote));
    write_number(trees.vote_weights, static_cast<int64_t>(i),
                 read_number(weights, static_cast<int64_t>(vote)));
  }
  for (size_t i = 1; i < trees.leaf_ends.size(); ++i) trees.leaf_ends[i] += trees.leaf_ends[i - 1];
}

/// Adds the operator; `outputs` is 2 for a classifier. The trees are checked here, so that a wrong
/// file is refused while it is read.
std::vector<ValueId> add_trees(OnnxNode& node, const TreeEnsemble& op, ValueId x, Trees trees) {
  const auto count = static_cast<int64_t>(trees.nodes.size() / 4);
  std::vector<Tensor> constants = {Tensor(),
                                   Tensor::from<int32_t>({count, 4}, trees.nodes),
                                   std::move(trees.thresholds),
                                   tensor_of(trees.roots),
                                   tensor_of(trees.leaf_ends),
                                   tensor_of(trees.vote_targets),
                                   std::move(trees.vote_weights),
                                   std::move(trees.base),
                                   std::move(trees.members)};
  std::vector<const Tensor*> given;
  for (const Tensor& tensor : constants) given.push_back(tensor.has_value() ? &tensor : nullptr);
  const ops::Forest forest(op, given);
  const TensorType& type = node.value(x).type.tensor;
  if (type.ranked && type.dims[1].is_constant() && type.dims[1].value() < forest.features()) {
    fail(ErrorCode::invalid_model, "x has {} features, the trees test feature {}",
         type.dims[1].value(), forest.features() - 1);
  }
  std::vector<ValueId> inputs = {x};
  for (size_t i = 1; i < constants.size(); ++i) {
    inputs.push_back(given[i] ? node.constant_value(std::move(constants[i])) : no_id);
  }
  return node.add_all(op, std::move(inputs), op.classify ? 2 : 1);
}

void read_base(const OnnxNode& node, Trees& trees) {
  const Tensor base = flat(real_tensor("base_values", number_list(node, "base_values")));
  if (base.size() > 0) trees.base = base;
}

/// Rows in f64 where they or the thresholds are, in f32 where they are: integers compare as f64.
ElementType row_type(const OnnxNode& node) {
  const ElementType type = element_of(node, node.inputs_padded(1)[0]);
  return type == ElementType::f32 || type == ElementType::f16 ? ElementType::f32 : ElementType::f64;
}

ops::TreeAggregate aggregate_named(const std::string& name) {
  constexpr std::string_view names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model, "aggregate_function is '{}', expected AVERAGE, SUM, MIN or MAX",
         name);
  }
  return static_cast<ops::TreeAggregate>(found - names);
}

Tensor tree_labels(const OnnxNode& node) {
  std::optional<Tensor> labels = class_labels(node, "classlabels_int64s");
  if (!labels) {
    fail(ErrorCode::invalid_model, "has neither classlabels_int64s nor classlabels_strings");
  }
  return *labels;
}

/// What stands for each class that TreeEnsemble gives: of one label 0 and 1, as in onnxruntime,
/// where it is an integer.
Tensor labels_by_class(const Tensor& labels) {
  if (labels.size() != 1) return labels;
  if (labels.type() == ElementType::i64) return Tensor::from<int64_t>({2}, {0, 1});
  const std::string& only = labels.data<std::string>()[0];
  return Tensor::from<std::string>({2}, {only, only});
}

}  // namespace

ONNX_ML_OP(TreeEnsembleRegressor) {
  Trees trees;
  const NumberedNodes nodes(node);
  nodes.write(trees);
  read_votes(node, "target", nodes, trees);
  read_base(node, trees);
  const TreeEnsemble op{.targets = node.integer("n_targets", 1),
                        .aggregate = aggregate_named(node.text("aggregate_function", "SUM")),
                        .transform = post_transform(node)};
  const ValueId x = feature_rows(node, node.inputs_padded(1)[0], row_type(node));
  node.set_output(0, add_trees(node, op, x, std::move(trees))[0]);
}

ONNX_ML_OP(TreeEnsembleClassifier) {
  Trees trees;
  const NumberedNodes nodes(node);
  nodes.write(trees);
  read_votes(node, "class", nodes, trees);
  read_base(node, trees);
  const Tensor labels = tree_labels(node);
  const TreeEnsemble op{
      .targets = labels.size(), .transform = post_transform(node), .classify = true};
  const ValueId x = feature_rows(node, node.inputs_padded(1)[0], row_type(node));
  const std::vector<ValueId> results = add_trees(node, op, x, std::move(trees));
  const ValueId by_class = node.constant_value(labels_by_class(labels));
  node.set_output(0, node.add(ops::Gather{0}, {by_class, results[1]}));
  node.set_output(1, results[0]);
}

ONNX_ML_OP(TreeEnsemble) {
  const std::vector<int64_t> features = node.integers("nodes_featureids"),
                             when_true = node.integers("nodes_truenodeids"),
                             when_false = node.integers("nodes_falsenodeids"),
                             true_leaf = node.integers("nodes_trueleafs"),
                             false_leaf = node.integers("nodes_falseleafs"),
                             missing = node.integers("nodes_missing_value_tracks_true"),
                             roots = node.integers("tree_roots"),
                             targets = node.integers("leaf_targetids");
  const Tensor modes = flat(node.tensor("nodes_modes"));
  const size_t count = features.size();
  const auto expect = [&](std::string_view name, size_t length) {
    expect_length(name, length, "nodes_featureids", count);
  };
  expect("nodes_truenodeids", when_true.size());
  expect("nodes_falsenodeids", when_false.size());
  expect("nodes_trueleafs", true_leaf.size());
  expect("nodes_falseleafs", false_leaf.size());
  expect("nodes_modes", static_cast<size_t>(modes.size()));
  if (!missing.empty()) expect("nodes_missing_value_tracks_true", missing.size());
  if (modes.type() != ElementType::u8) {
    fail(ErrorCode::invalid_model, "nodes_modes is {}, expected u8", name(modes.type()));
  }
  Trees trees;
  for (size_t i = 0; i < count; ++i) {
    const auto place = [&](std::string_view what, int64_t index, int64_t leaf) {
      const int32_t number = narrow(index, what, i);
      return leaf != 0 ? -1 - number : number;
    };
    const int32_t test = modes.data<uint8_t>()[i];
    if (test >= ops::tree_test_count) {
      fail(ErrorCode::invalid_model, "nodes_modes[{}] is {}, expected 0 to {}", i, test,
           ops::tree_test_count - 1);
    }
    const bool missing_true = !missing.empty() && missing[i] == 1;
    trees.nodes.insert(trees.nodes.end(),
                       {narrow(features[i], "nodes_featureids", i),
                        test | (missing_true ? ops::tree_missing_true : 0),
                        place("nodes_truenodeids", when_true[i], true_leaf[i]),
                        place("nodes_falsenodeids", when_false[i], false_leaf[i])});
  }
  for (size_t i = 0; i < roots.size(); ++i) {
    trees.roots.push_back(narrow(roots[i], "tree_roots", i));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    trees.vote_targets.push_back(narrow(targets[i], "leaf_targetids", i));
    trees.leaf_ends.push_back(static_cast<int32_t>(i + 1));
  }
  trees.thresholds = flat(real_tensor("nodes_splits", node.tensor("nodes_splits")));
  trees.vote_weights = flat(real_tensor("leaf_weights", node.tensor("leaf_weights")));
  if (node.has("membership_values")) {
    trees.members = flat(real_tensor("membership_values", node.tensor("membership_values")));
  }
  const int64_t aggregate = node.integer("aggregate_function", 1);
  const int64_t transform = node.integer("post_transform", 0);
  if (aggregate < 0 || aggregate > 3) {
    fail(ErrorCode::invalid_model, "aggregate_function is {}, expected 0 to 3", aggregate);
  }
  if (transform < 0 || transform > 4) {
    fail(ErrorCode::invalid_model, "post_transform is {}, expected 0 to 4", transform);
  }
  const ValueId given = node.inputs_padded(1)[0];
  const TreeEnsemble op{.targets = node.integer("n_targets", 1),
                        .aggregate = static_cast<ops::TreeAggregate>(aggregate),
                        .transform = static_cast<ops::ScoreTransform>(transform),
                        .element = element_of(node, given)};
  const ValueId x = feature_rows(node, given, row_type(node));
  node.set_output(0, add_trees(node, op, x, std::move(trees))[0]);
}

}  // namespace drawbar::onnx
