#include "ops/tree_ensemble/forest.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drawbar::ops {
namespace {

/// A tenth of a second or so for one row: nodes that many trees share could ask for any time.
constexpr int64_t most_tests = int64_t{1} << 26;

const Tensor& required(std::span<const Tensor* const> inputs, size_t i) {
  if (i >= inputs.size() || !inputs[i]) {
    fail(ErrorCode::invalid_model, "input {} of the trees is missing", i);
  }
  return *inputs[i];
}

std::span<const int32_t> integers(const Tensor& tensor) { return tensor.values<int32_t>(); }

std::vector<double> numbers(const Tensor& tensor) {
  if (tensor.type() == ElementType::f32) {
    return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
  }
  return {tensor.data<double>(), tensor.data<double>() + tensor.size()};
}

void expect_length(const Tensor& tensor, int64_t length, std::string_view what,
                   std::string_view of) {
  if (tensor.size() != length) {
    fail(ErrorCode::invalid_model, "{} has {} elements, expected {}, as many as there are {}", what,
         tensor.size(), length, of);
  }
}

}  // namespace

void expect_targets(const TreeEnsemble& op) {
  if (op.targets < 1 || op.targets > std::numeric_limits<int32_t>::max()) {
    fail(ErrorCode::invalid_model, "targets is {}, expected 1 to 2^31 - 1", op.targets);
  }
}

void expect_base_size(const TreeEnsemble& op, int64_t size) {
  if (size != op.targets && !(op.classify && op.targets == 2 && size == 1)) {
    fail(ErrorCode::invalid_model, "base has {} elements, expected {}", size, op.targets);
  }
}

Forest::Forest(const TreeEnsemble& op, std::span<const Tensor* const> inputs) {
  expect_targets(op);
  const auto optional = [&](size_t i) { return i < inputs.size() ? inputs[i] : nullptr; };
  read_votes(op, required(inputs, tree_input::leaf_ends),
             required(inputs, tree_input::vote_targets),
             required(inputs, tree_input::vote_weights));
  read_nodes(required(inputs, tree_input::nodes), required(inputs, tree_input::thresholds));
  read_members(optional(tree_input::members));
  const auto roots = integers(required(inputs, tree_input::roots));
  roots_.assign(roots.begin(), roots.end());
  for (size_t i = 0; i < roots_.size(); ++i) expect_place(roots_[i], "root", i);
  check_paths();
  if (const Tensor* base = optional(tree_input::base)) {
    expect_base_size(op, base->size());
    base_ = numbers(*base);
  }
}

void Forest::read_votes(const TreeEnsemble& op, const Tensor& ends, const Tensor& targets,
                        const Tensor& weights) {
  expect_length(weights, targets.size(), "vote_weights", "vote_targets");
  leaf_ends_.assign(integers(ends).begin(), integers(ends).end());
  vote_targets_.assign(integers(targets).begin(), integers(targets).end());
  vote_weights_ = numbers(weights);
  int32_t before = 0;
  for (size_t i = 0; i < leaf_ends_.size(); ++i) {
    if (leaf_ends_[i] < before || leaf_ends_[i] > targets.size()) {
      fail(ErrorCode::invalid_model, "leaf_ends[{}] is {}, expected {} to {}", i, leaf_ends_[i],
           before, targets.size());
    }
    before = leaf_ends_[i];
  }
  for (size_t i = 0; i < vote_targets_.size(); ++i) {
    if (vote_targets_[i] < 0 || vote_targets_[i] >= op.targets) {
      fail(ErrorCode::invalid_model, "vote {} is for target {}, expected 0 to {}", i,
           vote_targets_[i], op.targets - 1);
    }
  }
}

void Forest::read_nodes(const Tensor& nodes, const Tensor& thresholds) {
  if (nodes.rank() != 2 || nodes.dim(1) != 4) {
    fail(ErrorCode::invalid_model, "nodes has shape {}, expected [n, 4]", to_string(nodes.shape()));
  }
  const auto count = static_cast<size_t>(nodes.dim(0));
  expect_length(thresholds, nodes.dim(0), "thresholds", "nodes");
  const std::vector<double> limits = numbers(thresholds);
  nodes_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const int32_t* row = nodes.data<int32_t>() + 4 * i;
    const int32_t test = row[1] & ~tree_missing_true;
    if (test < 0 || test >= tree_test_count) {
      fail(ErrorCode::invalid_model, "node {} has test {}, expected 0 to {}", i, test,
           tree_test_count - 1);
    }
    if (row[0] < 0) fail(ErrorCode::invalid_model, "node {} tests feature {}", i, row[0]);
    const Node node{
        limits[i], row[0], static_cast<TreeTest>(test), (row[1] & tree_missing_true) != 0,
        row[2],    row[3]};
    if (node.test != TreeTest::member && std::isnan(node.threshold)) {
      fail(ErrorCode::invalid_model, "the threshold of node {} is not a number", i);
    }
    features_ = std::max<int64_t>(features_, int64_t{node.feature} + 1);
    nodes_.push_back(node);
  }
  for (size_t i = 0; i < count; ++i) {
    expect_place(nodes_[i].when_true, "the true branch of node", i);
    expect_place(nodes_[i].when_false, "the false branch of node", i);
  }
}

void Forest::expect_place(int32_t place, std::string_view what, size_t index) const {
  const auto nodes = static_cast<int64_t>(nodes_.size());
  if (place >= nodes) {
    fail(ErrorCode::invalid_model, "{} {} leads to node {}, there are {}", what, index, place,
         nodes);
  }
  if (-1 - int64_t{place} >= leaves()) {
    fail(ErrorCode::invalid_model, "{} {} leads to leaf {}, there are {}", what, index,
         -1 - int64_t{place}, leaves());
  }
}

void Forest::read_members(const Tensor* members) {
  const auto is_member = [](const Node& node) { return node.test == TreeTest::member; };
  if (std::none_of(nodes_.begin(), nodes_.end(), is_member)) return;
  if (members) members_ = numbers(*members);
  // Each set is sorted where it stands; the not-a-number behind it stays between it and the next.
  size_t begin = 0;
  for (const Node& node : nodes_) {
    node_sets_.push_back(static_cast<int32_t>(member_ends_.size()));
    if (!is_member(node)) continue;
    if (begin > members_.size()) {
      fail(ErrorCode::invalid_model, "members has {} sets, expected one for each member test",
           member_ends_.size());
    }
    const auto end = std::find_if(members_.begin() + static_cast<ptrdiff_t>(begin), members_.end(),
                                  [](double value) { return std::isnan(value); });
    std::sort(members_.begin() + static_cast<ptrdiff_t>(begin), end);
    member_ends_.push_back(static_cast<size_t>(end - members_.begin()));
    begin = member_ends_.back() + 1;
  }
}

/// That no path comes back to a node of its own, by a walk that keeps its own stack; and how many
/// tests a row can take.
void Forest::check_paths() {
  enum : uint8_t { unseen, open, done };
  std::vector<uint8_t> state(nodes_.size(), unseen);
  std::vector<int32_t> height(nodes_.size(), 0), stack;
  const auto visit = [&](int32_t place) {
    if (place < 0) return;
    const auto node = static_cast<size_t>(place);
    if (state[node] == open) {
      fail(ErrorCode::invalid_model, "a path comes back to node {}", place);
    }
    if (state[node] == unseen) stack.push_back(place);
  };
  const auto height_of = [&](int32_t place) {
    return place < 0 ? 0 : height[static_cast<size_t>(place)];
  };
  for (int32_t root : roots_) {
    visit(root);
    while (!stack.empty()) {
      const auto at = static_cast<size_t>(stack.back());
      const Node& node = nodes_[at];
      if (state[at] == unseen) {
        state[at] = open;
        visit(node.when_true);
        visit(node.when_false);
        continue;
      }
      stack.pop_back();
      if (state[at] == done) continue;  // it was reached twice before it was walked
      state[at] = done;
      height[at] = 1 + std::max(height_of(node.when_true), height_of(node.when_false));
    }
    tests_ += height_of(root);
  }
  if (tests_ > most_tests) {
    fail(ErrorCode::resource_exhausted, "a row takes up to {} tests, at most {} are run", tests_,
         most_tests);
  }
}

Forest::Votes Forest::votes(int32_t leaf) const {
  const auto i = static_cast<size_t>(leaf);
  const auto begin = static_cast<size_t>(i == 0 ? 0 : leaf_ends_[i - 1]);
  const auto count = static_cast<size_t>(leaf_ends_[i]) - begin;
  return {std::span(vote_targets_).subspan(begin, count),
          std::span(vote_weights_).subspan(begin, count)};
}

bool Forest::holds(int32_t index, double x) const {
  const Node& node = nodes_[static_cast<size_t>(index)];
  if (std::isnan(x) && node.missing_true) return true;
  switch (node.test) {
    case TreeTest::leq:
      return x <= node.threshold;
    case TreeTest::lt:
      return x < node.threshold;
    case TreeTest::gte:
      return x >= node.threshold;
    case TreeTest::gt:
      return x > node.threshold;
    case TreeTest::eq:
      return x == node.threshold;
    case TreeTest::neq:
      return x != node.threshold;
    case TreeTest::member:
      break;
  }
  const auto set = static_cast<size_t>(node_sets_[static_cast<size_t>(index)]);
  const double* begin = members_.data() + (set == 0 ? 0 : member_ends_[set - 1] + 1);
  const double* end = members_.data() + member_ends_[set];
  return !std::isnan(x) && std::binary_search(begin, end, x);
}

}  // namespace drawbar::ops
