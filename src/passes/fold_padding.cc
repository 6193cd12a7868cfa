#include "passes/fold_padding.h"

#include <algorithm>

#include "ops/conv/op.h"
#include "ops/pad/op.h"
#include "ops/pool/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using ops::Function;

/// What a Pad puts around the spatial dimensions of [N, C, d1…dn].
struct Padding {
  std::vector<int64_t> begin, end;
  double value = 0;
  ValueId source = no_id;
};

std::optional<Padding> spatial_padding(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::Pad>(graph, value);
  if (!op || op->mode != ops::PadMode::constant || !is_ranked_tensor(graph, value))
    return std::nullopt;
  const Node& node = producer(graph, value);
  const Tensor* pads = constant_of(graph, node.inputs[1]);
  const ValueId filling = optional_input(node, 2), axes_input = optional_input(node, 3);
  if (!pads || (filling != no_id && !scalar_of(graph, filling))) return std::nullopt;
  const int64_t rank = graph.value(value).type.tensor.rank();
  std::vector<int64_t> axes;
  if (axes_input != no_id) {
    const Tensor* given = constant_of(graph, axes_input);
    if (!given) return std::nullopt;
    axes = read_integers(*given);
  } else {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  const auto numbers = read_integers(*pads);
  if (numbers.size() != 2 * axes.size() || rank < 3) return std::nullopt;
  Padding result;
  result.begin.assign(static_cast<size_t>(rank - 2), 0);
  result.end = result.begin;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t begin = numbers[i], end = numbers[i + axes.size()];
    const int64_t axis = Infer::axis(axes[i], rank);
    if (begin == 0 && end == 0) continue;
    if (axis < 2 || begin < 0 || end < 0) return std::nullopt;
    result.begin[static_cast<size_t>(axis - 2)] = begin;
    result.end[static_cast<size_t>(axis - 2)] = end;
  }
  if (filling != no_id) result.value = *scalar_of(graph, filling);
  result.source = node.inputs[0];
  return result;
}

void add_to(std::vector<int64_t>& pads, const std::vector<int64_t>& more) {
  pads.resize(more.size(), 0);
  for (size_t i = 0; i < more.size(); ++i) pads[i] = checked_add(pads[i], more[i]);
}

bool is_zero(const std::vector<int64_t>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n == 0; });
}

template <class T>
T with_padding(T op, const Padding& padding) {
  add_to(op.pads_begin, padding.begin);
  add_to(op.pads_end, padding.end);
  return op;
}

/// Whether the pooling gives the same when the padding is its own.
bool pool_allows(const Graph& graph, const ops::Pool& op, const Padding& padding) {
  if (op.auto_pad != ops::AutoPad::pads || op.ceil_mode) return false;
  if (op.kind == ops::PoolKind::average) {
    const bool plain = is_zero(op.pads_begin) && is_zero(op.pads_end);
    return padding.value == 0 && (plain || op.count_include_pad);
  }
  if (op.kind != ops::PoolKind::maximum) return false;
  // A window of neighbours that is longer than the padding meets an element.
  if (std::any_of(op.dilations.begin(), op.dilations.end(), [](int64_t d) { return d != 1; }))
    return false;
  const ops::Pool padded = with_padding(op, padding);
  for (size_t i = 0; i < op.kernel.size(); ++i) {
    if (padded.pads_begin[i] >= op.kernel[i] || padded.pads_end[i] >= op.kernel[i]) return false;
  }
  const bool lowest = padding.value <= -3e38;
  return lowest || (padding.value == 0 && is_function(graph, padding.source, Function::Relu));
}

}  // namespace

Patch fold_padding(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* conv = node.op.as<ops::Conv>();
  const auto* pool = node.op.as<ops::Pool>();
  if ((!conv && !pool) || node.outputs.size() != 1) return unchanged();
  const auto padding = spatial_padding(graph, node.inputs[0]);
  if (!padding) return unchanged();
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = padding->source;
  Patch patch(graph, id);
  if (conv) {
    if (padding->value != 0 || conv->auto_pad != ops::AutoPad::pads) return unchanged();
    patch.replace(node.outputs[0], patch.add(with_padding(*conv, *padding), inputs));
    return patch;
  }
  if (!pool_allows(graph, *pool, *padding)) return unchanged();
  ops::Pool padded = with_padding(*pool, *padding);
  if (pool->kind == ops::PoolKind::average) padded.count_include_pad = true;
  patch.replace(node.outputs[0], patch.add(padded, inputs));
  return patch;
}

}  // namespace drawbar
