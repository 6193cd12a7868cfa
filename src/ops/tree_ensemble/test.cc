#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "ir/evaluate_graph.h"
#include "ops/tree_ensemble/forest.h"
#include "tests/support/one_node.h"

namespace drawbar {
namespace {

using namespace ops;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// TreeEnsemble and its constant inputs, from nodes to members.
struct Trees {
  TreeEnsemble op;
  std::vector<int32_t> nodes, roots, leaf_ends, vote_targets;
  std::vector<double> thresholds, vote_weights, base, members;
  ElementType type = ElementType::f32;  // of thresholds, weights and base

  int32_t node(int32_t feature, int32_t test, double threshold, int32_t yes, int32_t no) {
    nodes.insert(nodes.end(), {feature, test, yes, no});
    thresholds.push_back(threshold);
    return static_cast<int32_t>(thresholds.size()) - 1;
  }
  int32_t leaf(const std::vector<std::pair<int32_t, double>>& votes) {
    for (const auto& [target, weight] : votes) {
      vote_targets.push_back(target);
      vote_weights.push_back(weight);
    }
    leaf_ends.push_back(static_cast<int32_t>(vote_targets.size()));
    return -static_cast<int32_t>(leaf_ends.size());
  }

  std::vector<Tensor> constants() const {
    const auto integers = [](const std::vector<int32_t>& values) {
      return Tensor::from<int32_t>({static_cast<int64_t>(values.size())}, values);
    };
    const auto numbers = [&](const std::vector<double>& values) {
      Tensor tensor = Tensor::allocate(type, {static_cast<int64_t>(values.size())});
      for (size_t i = 0; i < values.size(); ++i)
        write_number(tensor, static_cast<int64_t>(i), values[i]);
      return tensor;
    };
    std::vector<Tensor> result = {
        integers(nodes).reshaped({static_cast<int64_t>(nodes.size()) / 4, 4}),
        numbers(thresholds),
        integers(roots),
        integers(leaf_ends),
        integers(vote_targets),
        numbers(vote_weights)};
    result.push_back(base.empty() ? Tensor() : numbers(base));
    result.push_back(members.empty() ? Tensor() : numbers(members));
    return result;
  }

  std::vector<Tensor> run(const Tensor& x) const {
    std::vector<Tensor> inputs = {x};
    for (const Tensor& constant : constants()) inputs.push_back(constant);
    return run_reference(op, inputs, op.classify ? 2 : 1);
  }
};

enum class Votes { one, one_for_each_tree, all, some };

struct Plan {
  std::string name;
  int trees = 40, depth = 5, features = 7, targets = 1;
  Votes votes = Votes::one;
  std::vector<int32_t> tests = {0};  // to choose from
  std::vector<int64_t> batches = {1, 7, 8, 129};
  ElementType type = ElementType::f32;  // of x
  TreeEnsemble op = {};
};

/// Random trees of a plan, of which some paths end early.
class Grower {
 public:
  explicit Grower(const Plan& plan) : plan_(plan), random_(plan.name.size() * 97 + 1) {
    trees_.op = plan.op;
    trees_.op.targets = plan.targets;
    for (int tree = 0; tree < plan.trees; ++tree) {
      tree_ = tree;
      trees_.roots.push_back(grow(plan.depth));
    }
  }
  const Trees& trees() const { return trees_; }

 private:
  int32_t below(size_t n) { return static_cast<int32_t>(random_() % n); }
  double number() { return static_cast<double>(below(2001)) / 1000 - 1; }

  int32_t grow(int depth) {
    if (depth == 0 || (depth < plan_.depth && below(6) == 0)) return leaf();
    const int32_t yes = grow(depth - 1), no = grow(depth - 1);
    const int32_t test = plan_.tests[static_cast<size_t>(below(plan_.tests.size()))];
    // Rounded, so that equality happens.
    const double threshold = std::round(number() * 8) / 8;
    return trees_.node(below(static_cast<size_t>(plan_.features)), test, threshold, yes, no);
  }

  int32_t leaf() {
    std::vector<std::pair<int32_t, double>> votes;
    for (int32_t target = 0; target < plan_.targets; ++target) {
      const bool chosen =
          plan_.votes == Votes::all || (plan_.votes == Votes::some && below(2) == 0) ||
          (plan_.votes == Votes::one && target == 0) ||
          (plan_.votes == Votes::one_for_each_tree && target == tree_ % plan_.targets);
      if (chosen) votes.emplace_back(target, static_cast<double>(static_cast<float>(number())));
    }
    return trees_.leaf(votes);
  }

  const Plan& plan_;
  std::mt19937_64 random_;
  Trees trees_;
  int tree_ = 0;
};

/// x with rounded numbers, some of which are missing or infinite.
Tensor rows_of(const Plan& plan, int64_t rows, bool missing) {
  Tensor x = draw(fmt::format("{}[{}, {}]", name(plan.type), rows, plan.features), 3);
  for (int64_t i = 0; i < x.size(); ++i) {
    write_number(x, i, std::round(read_number(x, i) * 16) / 16);
    if (missing && i % 5 == 0) write_number(x, i, static_cast<double>(nan));
    if (missing && i % 11 == 0) write_number(x, i, i % 2 ? INFINITY : -INFINITY);
  }
  return x;
}

OneNode one_node(const Trees& trees, const Tensor& x) {
  OneNode one;
  std::vector<ValueId> ids = {one.graph.add_input("x", Type::of(x))};
  one.inputs = {x};
  one.operands = {x};
  for (const Tensor& constant : trees.constants()) {
    ids.push_back(constant.has_value() ? one.graph.add_constant(constant) : no_id);
    one.operands.push_back(constant);
  }
  const size_t outputs = trees.op.classify ? 2 : 1;
  one.node = one.graph.add_node(trees.op, ids, outputs, "trees");
  for (ValueId output : one.graph.node(one.node).outputs)
    one.graph.add_output(output, one.graph.value(output).name);
  one.outputs = evaluate_graph(one.graph, one.inputs);
  return one;
}

/// The kernels add up in the reference's order: every bit agrees, for any number of threads.
void expect_same_bits(const Plan& plan) {
  const Grower grower(plan);
  for (int64_t rows : plan.batches) {
    for (bool missing : {false, true}) {
      const std::string what =
          fmt::format("{}, {} rows{}", plan.name, rows, missing ? ", some numbers missing" : "");
      SCOPED_TRACE(what);
      const OneNode one = one_node(grower.trees(), rows_of(plan, rows, missing));
      const OpCase op_case{what, grower.trees().op, {}};
      expect_tactics_agree(op_case, one, 0, 0);
      expect_rows_apart(op_case, one, 0, 0);
    }
  }
}

constexpr int32_t all_orders[] = {0, 1, 2, 3, 8, 9, 10, 11};
const std::vector<int32_t> orders(std::begin(all_orders), std::end(all_orders));

const Plan plans[] = {
    {.name = "one target", .batches = {0, 1, 7, 8, 13, 127, 129}},
    {.name = "deep", .trees = 3, .depth = 11},
    {.name = "one tree", .trees = 1},
    {.name = "a full part", .trees = 32, .depth = 3},
    {.name = "a root that is a leaf", .trees = 5, .depth = 0},
    {.name = "less than", .tests = {1}},
    {.name = "greater", .tests = {2, 3}},
    {.name = "all orders", .tests = orders},
    {.name = "not-a-number to the left everywhere", .tests = {8, 9}},
    {.name = "equality", .tests = {0, 4, 5, 12, 13}},
    {.name = "a target for each tree", .targets = 3, .votes = Votes::one_for_each_tree},
    {.name = "votes for all", .targets = 3, .votes = Votes::all, .tests = orders},
    {.name = "votes for some", .targets = 3, .votes = Votes::some},
    {.name = "f64", .targets = 3, .votes = Votes::all, .tests = orders, .type = ElementType::f64},
    {.name = "f64, one vote", .tests = orders, .type = ElementType::f64},
    {.name = "many features", .features = 9000, .batches = {1, 9}},
    {.name = "many features, both ways", .features = 5000, .tests = orders, .batches = {1, 9}},
    {.name = "average", .op = {.aggregate = TreeAggregate::average}},
    {.name = "least", .targets = 2, .votes = Votes::some, .op = {.aggregate = TreeAggregate::min}},
    {.name = "most", .targets = 2, .votes = Votes::some, .op = {.aggregate = TreeAggregate::max}},
    {.name = "softmax",
     .targets = 3,
     .votes = Votes::all,
     .op = {.transform = ScoreTransform::softmax}},
    {.name = "classes", .targets = 3, .votes = Votes::all, .op = {.classify = true}},
    {.name = "classes, some votes", .targets = 5, .votes = Votes::some, .op = {.classify = true}},
    {.name = "two classes", .targets = 2, .votes = Votes::all, .op = {.classify = true}},
    {.name = "one class of two", .targets = 2, .votes = Votes::one, .op = {.classify = true}},
    {.name = "f16 out", .op = {.element = ElementType::f16}},
};

TEST(TreeEnsemble, KernelsGiveTheReferencesBits) {
  for (const Plan& plan : plans) expect_same_bits(plan);
}

Trees small_tree() {
  Trees trees;
  const int32_t low = trees.leaf({{0, 10}}), middle = trees.leaf({{0, 20}}),
                high = trees.leaf({{0, 30}});
  const int32_t second = trees.node(1, 0, -1, middle, high);
  trees.roots = {trees.node(0, 0, 0.5, low, second)};
  return trees;
}

float only(const std::vector<Tensor>& outputs) { return outputs[0].data<float>()[0]; }

TEST(TreeEnsemble, FollowsATree) {
  const Trees trees = small_tree();
  EXPECT_EQ(only(trees.run(Tensor::from<float>({1, 2}, {0.5f, 9}))), 10);
  EXPECT_EQ(only(trees.run(Tensor::from<float>({1, 2}, {0.6f, -1}))), 20);
  EXPECT_EQ(only(trees.run(Tensor::from<float>({1, 2}, {0.6f, 0}))), 30);
  EXPECT_EQ(only(trees.run(Tensor::from<float>({1, 2}, {nan, -2}))), 20);
}

TEST(TreeEnsemble, ANumberThatIsMissingMayCountAsTrue) {
  Trees trees = small_tree();
  trees.nodes[4 * 1 + 1] |= tree_missing_true;  // the root, which was made last
  EXPECT_EQ(only(trees.run(Tensor::from<float>({1, 2}, {nan, 0}))), 10);
}

TEST(TreeEnsemble, TestsMembership) {
  Trees trees;
  const int32_t yes = trees.leaf({{0, 1}}), no = trees.leaf({{0, 2}});
  trees.roots = {trees.node(0, 6, 0, yes, no), trees.node(1, 6, 0, yes, no)};
  trees.members = {3, 1, 2, static_cast<double>(nan), 7};
  const auto score = [&](float a, float b) {
    return only(trees.run(Tensor::from<float>({1, 2}, {a, b})));
  };
  EXPECT_EQ(score(2, 7), 2);
  EXPECT_EQ(score(2, 3), 3);
  EXPECT_EQ(score(7, 1), 4);
  EXPECT_EQ(score(nan, nan), 4);
}

/// Nodes that several lead to: as exporters write "one of these values".
TEST(TreeEnsemble, PathsMayMeet) {
  Trees trees;
  const int32_t yes = trees.node(1, 0, 0, trees.leaf({{0, 1}}), trees.leaf({{0, 2}}));
  const int32_t last = trees.node(0, 4, 5, yes, trees.leaf({{0, 3}}));
  trees.roots = {trees.node(0, 4, 4, yes, last)};
  for (const auto& [a, b, want] : {std::tuple{4.f, 0.f, 1.f}, {5.f, 1.f, 2.f}, {6.f, 0.f, 3.f}}) {
    const OneNode one = one_node(trees, Tensor::from<float>({1, 2}, {a, b}));
    EXPECT_EQ(only(one.outputs), want);
    expect_tactics_agree({"paths meet", trees.op, {}}, one, 0, 0);
  }
}

/// A classifier of one tree of one leaf.
std::pair<int64_t, std::vector<float>> classified(
    int64_t classes, const std::vector<std::pair<int32_t, double>>& votes,
    std::vector<double> base = {}, ScoreTransform transform = ScoreTransform::none,
    const std::vector<std::pair<int32_t, double>>& elsewhere = {}) {
  Trees trees;
  trees.op = {.targets = classes, .transform = transform, .classify = true};
  trees.base = std::move(base);
  trees.roots = {trees.leaf(votes)};
  trees.leaf(elsewhere);
  const std::vector<Tensor> outputs = trees.run(Tensor::from<float>({1, 1}, {0}));
  const auto scores = outputs[0].values<float>();
  return {outputs[1].data<int64_t>()[0], {scores.begin(), scores.end()}};
}

using Answer = std::pair<int64_t, std::vector<float>>;

TEST(TreeEnsemble, TwoClassesOfWhichOneHasVotes) {
  EXPECT_EQ(classified(2, {{1, 0.75}}), Answer(1, {0, 0.75f}));
  EXPECT_EQ(classified(2, {{0, 0.75}}), Answer(1, {0.25f, 0.75f}));
  EXPECT_EQ(classified(2, {{0, 0.5}}), Answer(0, {0.5f, 0.5f}));
  // With weights under zero somewhere the score's sign decides.
  EXPECT_EQ(classified(2, {{0, 0.25}}, {}, ScoreTransform::none, {{0, -1}}),
            Answer(1, {-0.25f, 0.25f}));
  EXPECT_EQ(classified(2, {{0, -2}}), Answer(0, {2, -2}));
  const Answer logistic = classified(2, {{0, -2}}, {}, ScoreTransform::logistic);
  EXPECT_NEAR(logistic.second[0], 1 / (1 + std::exp(-2.0)), 1e-6);
  EXPECT_NEAR(logistic.second[1], 1 / (1 + std::exp(2.0)), 1e-6);
}

TEST(TreeEnsemble, SeveralClasses) {
  EXPECT_EQ(classified(3, {{0, 1}, {1, 3}, {2, 3}}), Answer(1, {1, 3, 3}));
  EXPECT_EQ(classified(3, {{0, 1}, {1, 3}, {2, 3}}, {0, 0, 1}), Answer(2, {1, 3, 4}));
  // A class without a vote does not win, whatever the others have.
  EXPECT_EQ(classified(3, {{1, -3}}), Answer(1, {0, -3, 0}));
}

const std::vector<std::string> good = {"f32[3, 2]",          "i32[1, 4] = [1, 0, -1, -2]",
                                       "f32[1] = [0.5]",     "i32[1] = [0]",
                                       "i32[2] = [1, 2]",    "i32[2] = [0, 1]",
                                       "f32[2] = [1.0, 2.0]"};

/// The inputs above with one of them changed.
std::vector<std::string> changed(size_t i, const std::string& input) {
  std::vector<std::string> inputs = good;
  if (i >= inputs.size()) inputs.resize(i + 1, "_");
  inputs[i] = input;
  return inputs;
}

const TreeEnsemble two{.targets = 2};

TEST(TreeEnsemble, RefusesBadNodes) {
  const Rejection rejected[] = {
      {"x", two, changed(0, "i32[3, 2]"), "x is i32, expected f32 or f64"},
      {"features", two, changed(0, "f32[3, 1]"), "x has 1 features, the trees test feature 1"},
      {"a feature below 0", two, changed(1, "i32[1, 4] = [-1, 0, -1, -2]"),
       "node 0 tests feature -1"},
      {"a test", two, changed(1, "i32[1, 4] = [1, 7, -1, -2]"), "node 0 has test 7"},
      {"a child", two, changed(1, "i32[1, 4] = [1, 0, 1, -2]"),
       "the true branch of node 0 leads to node 1, there are 1"},
      {"a leaf", two, changed(1, "i32[1, 4] = [1, 0, -1, -3]"),
       "the false branch of node 0 leads to leaf 2, there are 2"},
      {"the least child", two, changed(1, "i32[1, 4] = [1, 0, -1, -2147483648]"),
       "the false branch of node 0 leads to leaf 2147483647"},
      {"a circle", two, changed(1, "i32[1, 4] = [1, 0, -1, 0]"), "a path comes back to node 0"},
      {"columns", two, changed(1, "i32[1, 3] = [1, 0, -1]"), "nodes has shape 1x3"},
      {"thresholds", two, changed(2, "f32[2] = [0.5, 1.0]"),
       "thresholds has 2 elements, expected 1"},
      {"not a number", two, changed(2, "f32[1] = [nan]"),
       "the threshold of node 0 is not a number"},
      {"a root", two, changed(3, "i32[1] = [1]"), "root 0 leads to node 1, there are 1"},
      {"ends that go back", two, changed(4, "i32[2] = [1, 0]"), "leaf_ends[1] is 0"},
      {"ends too far", two, changed(4, "i32[2] = [1, 3]"), "leaf_ends[1] is 3, expected 1 to 2"},
      {"a target", two, changed(5, "i32[2] = [0, 2]"), "vote 1 is for target 2, expected 0 to 1"},
      {"weights", two, changed(6, "f32[1] = [1.0]"), "vote_weights has 1 elements, expected 2"},
      {"base", two, changed(7, "f32[3] = [1.0, 2.0, 3.0]"), "base has 3 elements, expected 2"},
      {"no targets", TreeEnsemble{.targets = 0}, good, "targets is 0"},
      {"classes by the least",
       TreeEnsemble{.targets = 2, .aggregate = TreeAggregate::min, .classify = true}, good,
       "votes are summed", 2},
  };
  expect_rejected(rejected);
}

TEST(TreeEnsemble, RefusesTreesThatTakeForEver) {
  Trees trees;
  const int32_t end = trees.leaf({{0, 1}});
  int32_t next = end;
  for (int i = 0; i < 10000; ++i) next = trees.node(0, 0, i, next, end);
  trees.roots.assign(10000, next);
  try {
    trees.run(Tensor::from<float>({1, 1}, {0}));
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::resource_exhausted) << error.what();
  }
}

}  // namespace
}  // namespace drawbar
