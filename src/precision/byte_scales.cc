#include "precision/byte_scales.h"

#include "ops/concat/op.h"
#include "ops/integer_add/op.h"
#include "ops/integer_conv/op.h"
#include "ops/integer_matmul/op.h"
#include "ops/integer_pool/op.h"
#include "ops/interleave/op.h"
#include "ops/quantize/op.h"
#include "passes/match.h"
#include "passes/sink_dequantize.h"

namespace drawbar {
namespace {

/// The input of the node that is its result's scale, the zero point behind it; 0: none.
size_t scale_input(const Op& op) {
  if (op.as<ops::QuantizeLinear>()) return 1;
  if (op.as<ops::QLinearAveragePool>()) return 3;
  return op.as<ops::QLinearConv>() || op.as<ops::QLinearMatMul>() || op.as<ops::QLinearAdd>() ? 6
                                                                                              : 0;
}

/// Concatenations are of one scale: `fuse_quantized` makes no others.
bool keeps_scale(const Op& op) {
  return keeps_numbers(op) || op.as<ops::Concat>() || op.as<ops::Interleave>();
}

bool is_one_number(const Graph& graph, ValueId value) {
  return graph.value(value).is_constant() &&
         element_count(graph.value(value).constant->shape()) == 1;
}

bool is_byte(const Graph& graph, ValueId value) {
  const Type& type = graph.value(value).type;
  return type.is_tensor() &&
         (type.tensor.element == ElementType::u8 || type.tensor.element == ElementType::i8);
}

}  // namespace

std::map<ValueId, ByteScale> byte_scales(const Graph& graph) {
  std::map<ValueId, ByteScale> scales;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    ByteScale scale;
    if (const size_t input = scale_input(node.op); input > 0) {
      scale = {optional_input(node, input), optional_input(node, input + 1)};
      if (scale.scale == no_id || !is_one_number(graph, scale.scale) ||
          (scale.zero != no_id && !is_one_number(graph, scale.zero)))
        continue;
    } else if (keeps_scale(node.op) && !node.inputs.empty() && scales.contains(node.inputs[0])) {
      scale = scales.at(node.inputs[0]);
    } else {
      continue;
    }
    for (ValueId output : node.outputs) {
      if (is_byte(graph, output)) scales[output] = scale;
    }
  }
  return scales;
}

}  // namespace drawbar
