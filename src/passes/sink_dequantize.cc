#include "passes/sink_dequantize.h"

#include "ops/pad/op.h"
#include "ops/pool/op.h"
#include "ops/reshape/op.h"
#include "ops/slice/op.h"
#include "ops/split/op.h"
#include "ops/transpose/op.h"
#include "passes/quantization.h"

namespace drawbar {
namespace {

constexpr size_t pad_value_input = 2;

}  // namespace

bool keeps_numbers(const Op& op) {
  const auto* pool = op.as<ops::Pool>();
  return ops::is_view(op) || op.as<ops::Transpose>() || op.as<ops::Slice>() ||
         op.as<ops::Split>() || op.as<ops::Pad>() || (pool && pool->kind == ops::PoolKind::maximum);
}

Patch sink_dequantize(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!keeps_numbers(node.op)) return unchanged();
  const bool indices = node.op.as<ops::Pool>() && node.outputs.size() > 1;
  const auto x = dequantized(graph, node.inputs[0], {});
  if (indices || !x) return unchanged();
  const ValueId bytes = input_of(graph, node.inputs[0]);
  if (graph.value(bytes).is_constant()) return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = bytes;
  if (node.op.as<ops::Pad>()) {
    const ValueId value = optional_input(node, pad_value_input);
    if (value != no_id && scalar_of(graph, value) != 0.0) return unchanged();
    if (inputs.size() <= pad_value_input) inputs.resize(pad_value_input + 1, no_id);
    inputs[pad_value_input] = zero_point(patch, *x);
  }
  const std::vector<ValueId> moved =
      patch.add_all(node.op, std::move(inputs), node.outputs.size(), node.name);
  const Node& dequantize = producer(graph, node.inputs[0]);
  for (size_t i = 0; i < moved.size(); ++i) {
    patch.name(moved[i], graph.value(node.outputs[i]).name);
    std::vector<ValueId> operands = dequantize.inputs;
    operands[0] = moved[i];
    patch.replace(node.outputs[i], patch.add(dequantize.op, std::move(operands)));
  }
  return patch;
}

}  // namespace drawbar
