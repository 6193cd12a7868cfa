#include <algorithm>
#include <numeric>

#include "ops/matmul/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"
#include "passes/merge_views.h"

namespace drawbar {
namespace {

/// Neighbouring dimensions of a transpose's input, what the view makes of them, and where those
/// stand in its result.
struct Group {
  int64_t first_axis = 0;  // of the transpose's input
  Dims dims;
  std::vector<int64_t> positions;
};

/// Splits the two shapes into the smallest runs of equal size, dimensions of 1 aside. Nothing when
/// a run is not made of neighbours in the transpose's input.
std::optional<std::vector<Group>> groups_of(const Dims& turned, const Dims& result,
                                            const std::vector<int64_t>& permutation,
                                            const Dims& source) {
  std::vector<Group> groups;
  size_t i = 0, j = 0;
  const auto skip_ones = [](const Dims& dims, size_t& at) {
    while (at < dims.size() && dims[at] == Dim(1)) ++at;
  };
  // Whether only dimensions of 1 lie between these axes of the source.
  const auto follows = [&](int64_t before, int64_t after) {
    if (after <= before) return false;
    return std::all_of(source.begin() + before + 1, source.begin() + after,
                       [](const Dim& d) { return d == Dim(1); });
  };
  for (;;) {
    skip_ones(turned, i);
    skip_ones(result, j);
    if (i == turned.size() || j == result.size()) break;
    Group group{permutation[i], {result[j]}, {static_cast<int64_t>(j)}};
    Dim left = turned[i++], right = result[j++];
    while (left != right) {
      const bool both = left.is_constant() && right.is_constant();
      const bool grow_left =
          both ? left.value() < right.value() : floor_div(right, left) * left == right;
      if (grow_left) {
        const size_t before = i - 1;
        skip_ones(turned, i);
        if (i == turned.size() || !follows(permutation[before], permutation[i]))
          return std::nullopt;
        left = left * turned[i++];
      } else {
        if (j == result.size()) return std::nullopt;
        group.dims.push_back(result[j]);
        group.positions.push_back(static_cast<int64_t>(j));
        right = right * result[j++];
      }
    }
    groups.push_back(std::move(group));
  }
  skip_ones(turned, i);
  skip_ones(result, j);
  if (i != turned.size() || j != result.size()) return std::nullopt;
  return groups;
}

/// The result as a transpose of a view: the groups in the source's order, with the dimensions of 1
/// where the result has them.
struct Lifted {
  Dims view;
  std::vector<int64_t> permutation;
};
Lifted lifted(std::vector<Group> groups, const Dims& result) {
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return a.first_axis < b.first_axis; });
  Lifted answer{Dims(result.size(), Dim(1)), std::vector<int64_t>(result.size())};
  std::iota(answer.permutation.begin(), answer.permutation.end(), 0);
  size_t place = 0;
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.dims.size(); ++i) {
      while (result[place] == Dim(1)) ++place;
      answer.view[place] = group.dims[i];
      answer.permutation[static_cast<size_t>(group.positions[i])] = static_cast<int64_t>(place);
      ++place;
    }
  }
  return answer;
}

Patch lift(const Graph& graph, NodeId id, ValueId source, const std::vector<int64_t>& permutation) {
  const ValueId output = graph.node(id).outputs[0];
  const Dims &x = dims_of(graph, source), &result = dims_of(graph, output);
  if (std::find(x.begin(), x.end(), Dim(0)) != x.end()) return unchanged();
  Dims turned;
  for (int64_t axis : permutation) turned.push_back(x[static_cast<size_t>(axis)]);
  auto groups = groups_of(turned, result, permutation, x);
  if (!groups) return unchanged();
  // A dimension of 1 inside a group belongs to no place of its own.
  size_t placed = 0, larger = 0;
  for (const Group& group : *groups) {
    placed += group.dims.size();
    if (std::find(group.dims.begin(), group.dims.end(), Dim(1)) != group.dims.end())
      return unchanged();
  }
  for (const Dim& dim : result) larger += dim != Dim(1);
  if (placed != larger) return unchanged();
  const Lifted form = lifted(std::move(*groups), result);
  const bool same_view = form.view == x;
  if (same_view && graph.node(id).op.as<ops::Transpose>()) return unchanged();
  const auto shape = shape_in_numbers(x, form.view);
  if (!same_view && !shape) return unchanged();
  Patch patch(graph, id);
  ValueId view = source;
  if (!same_view) {
    const auto rank = static_cast<int64_t>(shape->size());
    view = patch.add(ops::Reshape{},
                     {source, patch.constant(Tensor::from<int64_t>({rank}, std::span(*shape)))});
  }
  const bool sorted = std::is_sorted(form.permutation.begin(), form.permutation.end());
  const ValueId whole = sorted ? view : patch.add(ops::Transpose{form.permutation}, {view});
  if (patch.type(whole) != graph.value(output).type) return unchanged();
  patch.replace(output, whole);
  return patch;
}

/// Whether an operand of a product's epilogue is the same for every row of a result of this rank.
bool is_row_or_absent(const Graph& graph, ValueId value, size_t rank) {
  if (value == no_id) return true;
  if (!is_ranked_tensor(graph, value)) return false;
  const Dims& dims = dims_of(graph, value);
  if (dims.size() > rank) return false;
  return dims.empty() ||
         std::all_of(dims.begin(), dims.end() - 1, [](const Dim& dim) { return dim == Dim(1); });
}

/// A view of the rows of a product with one matrix: the rows are viewed before it.
Patch lift_above_product(const Graph& graph, NodeId id) {
  const ValueId product = graph.node(id).inputs[0], output = graph.node(id).outputs[0];
  const auto* op = producer_as<ops::MatMul>(graph, product);
  if (!op || op->transpose_a || !has_one_reader(graph, product)) return unchanged();
  const Node& node = producer(graph, product);
  const ValueId a = node.inputs[0], b = node.inputs[1];
  if (!is_ranked_tensor(graph, a) || !is_ranked_tensor(graph, b) || dims_of(graph, b).size() != 2)
    return unchanged();
  const Dims &before = dims_of(graph, product), &after = dims_of(graph, output);
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    if (!is_row_or_absent(graph, node.inputs[i], after.size())) return unchanged();
  }
  if (after.size() < 2 || before.empty() || after.back() != before.back()) return unchanged();
  Dims rows = after;
  rows.back() = dims_of(graph, a).back();
  const auto shape = shape_in_numbers(dims_of(graph, a), rows);
  if (!shape) return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  const auto rank = static_cast<int64_t>(shape->size());
  inputs[0] = patch.add(ops::Reshape{},
                        {a, patch.constant(Tensor::from<int64_t>({rank}, std::span(*shape)))});
  const ValueId result = patch.add(*op, inputs, node.name);
  if (patch.type(result) != graph.value(output).type) return unchanged();
  patch.replace(output, result);
  return patch;
}

}  // namespace

Patch lift_views(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.inputs.empty() || node.outputs.size() != 1 || !is_ranked_tensor(graph, node.outputs[0]))
    return unchanged();
  const ValueId x = node.inputs[0];
  if (x == no_id || !is_ranked_tensor(graph, x)) return unchanged();
  if (const auto* transpose = node.op.as<ops::Transpose>())
    return lift(graph, id, x, transpose->resolved(graph.value(x).type.tensor.rank()));
  if (!ops::is_view(node.op)) return unchanged();
  if (Patch patch = lift_above_product(graph, id)) return patch;
  const auto* before = producer_as<ops::Transpose>(graph, x);
  if (!before || !has_one_reader(graph, x)) return unchanged();
  const ValueId source = input_of(graph, x);
  if (!is_ranked_tensor(graph, source)) return unchanged();
  return lift(graph, id, source, before->resolved(graph.value(x).type.tensor.rank()));
}

}  // namespace drawbar
