#include "passes/recognise_interleave.h"

#include <algorithm>

#include "ops/concat/op.h"
#include "ops/interleave/op.h"
#include "ops/reshape/op.h"
#include "ops/slice/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

/// Whether the dimensions of a, but for one, are those of b, but for two: what a view that splits
/// the channels leaves alone.
bool splits_channels(const Dims& whole, const Dims& split) {
  return split.size() == whole.size() + 1 && split[0] == whole[0] &&
         std::equal(whole.begin() + 2, whole.end(), split.begin() + 3);
}

Patch shuffled(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId turned = node.inputs[0], y = node.outputs[0];
  const auto* transpose = producer_as<ops::Transpose>(graph, turned);
  if (!transpose || !has_one_reader(graph, turned)) return unchanged();
  const ValueId split = input_of(graph, turned);
  const bool view = split != no_id && graph.value(split).producer != no_id &&
                    ops::is_view(producer(graph, split).op);
  if (!view || !has_one_reader(graph, split)) return unchanged();
  const ValueId joined = input_of(graph, split);
  const auto* concat = producer_as<ops::Concat>(graph, joined);
  if (!concat || !has_one_reader(graph, joined)) return unchanged();
  for (ValueId value : {y, turned, split, joined}) {
    if (!is_ranked_tensor(graph, value)) return unchanged();
  }
  const Dims &whole = dims_of(graph, joined), &parts = dims_of(graph, split);
  if (whole.size() < 2 || !splits_channels(whole, parts) || dims_of(graph, y) != whole)
    return unchanged();
  const auto rank = static_cast<int64_t>(parts.size());
  std::vector<int64_t> order = transpose->resolved(rank);
  std::swap(order[1], order[2]);
  if (!std::is_sorted(order.begin(), order.end())) return unchanged();

  const std::vector<ValueId>& inputs = producer(graph, joined).inputs;
  const bool channels = concat->axis == 1 || concat->axis == 1 - static_cast<int64_t>(whole.size());
  const auto same = [&](ValueId input) { return dims_of(graph, input)[1] == parts[2]; };
  if (!channels || !parts[2].is_constant() || parts[1] != Dim(static_cast<int64_t>(inputs.size())))
    return unchanged();
  if (!std::all_of(inputs.begin(), inputs.end(), same)) return unchanged();
  Patch patch(graph, id);
  const ValueId result = patch.add(ops::Interleave{.count = parts[2].value()}, inputs);
  if (patch.type(result) != graph.value(y).type) return unchanged();
  patch.replace(y, result);
  return patch;
}

/// The only number in a constant, or nothing.
std::optional<int64_t> number_of(const Graph& graph, ValueId value) {
  const Tensor* constant = constant_of(graph, value);
  if (!constant || constant->size() != 1) return std::nullopt;
  return read_integer(*constant, 0);
}

Patch sliced(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* whole = producer_as<ops::Interleave>(graph, node.inputs[0]);
  if (!whole) return unchanged();
  const auto start = number_of(graph, node.inputs[1]), stop = number_of(graph, node.inputs[2]);
  const auto axis = number_of(graph, optional_input(node, 3));
  const ValueId step = optional_input(node, 4);
  if (!start || !stop || axis != 1 || (step != no_id && number_of(graph, step) != 1))
    return unchanged();
  const std::vector<ValueId>& inputs = producer(graph, node.inputs[0]).inputs;
  const auto turns = static_cast<int64_t>(inputs.size()), channels = turns * whole->count;
  const int64_t begin = std::min(*start, channels), end = std::min(*stop, channels);
  if (begin < 0 || end < begin || begin % turns != 0 || end % turns != 0) return unchanged();
  Patch patch(graph, id);
  const ops::Interleave part{.first = whole->first + begin / turns, .count = (end - begin) / turns};
  const ValueId result = patch.add(part, inputs);
  if (patch.type(result) != graph.value(node.outputs[0]).type) return unchanged();
  patch.replace(node.outputs[0], result);
  return patch;
}

}  // namespace

Patch recognise_interleave(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (ops::is_view(node.op)) return shuffled(graph, id);
  if (node.op.as<ops::Slice>()) return sliced(graph, id);
  return unchanged();
}

}  // namespace drawbar
