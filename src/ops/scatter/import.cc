#include <algorithm>

#include "import/onnx/node.h"
#include "ops/expand/op.h"
#include "ops/reshape/op.h"
#include "ops/scatter/op.h"

namespace drawbar::onnx {
namespace {

ops::ScatterReduction reduction(const OnnxNode& node) {
  const std::string text = node.text("reduction", "none");
  const auto& names = EnumNames<ops::ScatterReduction>::names;
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names))
    fail(ErrorCode::invalid_model, "reduction is '{}', expected none, add, mul, max or min", text);
  return static_cast<ops::ScatterReduction>(found - std::begin(names));
}

/// The row of x that each update replaces, as indices [n, 1], where the file spells it by expanding
/// them to the updates' shape (what exporters make of x[rows] = updates); otherwise no_id.
///
///     %e = Expand(%rows: i64[n, 1, 1], …)                 %i = Flatten(%rows)
///     %y = ScatterElements(%x, %e, %updates)       →      %y = ScatterND(%x, %i, %updates)
ValueId expanded_rows(OnnxNode& node) {
  const Value& expanded = node.value(node.input(1));
  if (node.integer("axis", 0) != 0 || expanded.producer == no_id) return no_id;
  const Node& producer = node.graph().node(expanded.producer);
  if (!producer.op.as<ops::Expand>()) return no_id;
  const TensorType& rows = node.value(producer.inputs[0]).type.tensor;
  const TensorType& x = node.value(node.input(0)).type.tensor;
  const TensorType& updates = node.value(node.input(2)).type.tensor;
  const bool ranked = rows.ranked && x.ranked && updates.ranked && x.rank() > 1 &&
                      rows.rank() == x.rank() && updates.rank() == x.rank();
  if (!ranked || !(rows.dims[0] == updates.dims[0])) return no_id;
  for (size_t i = 1; i < x.dims.size(); ++i) {
    if (!(rows.dims[i] == Dim(1)) || !(updates.dims[i] == x.dims[i])) return no_id;
  }
  return node.add(ops::Flatten{1}, {producer.inputs[0]});
}

void import_elements(OnnxNode& node) {
  if (const ValueId rows = expanded_rows(node); rows != no_id) {
    return node.replace_with(ops::ScatterND{reduction(node)}, {node.input(0), rows, node.input(2)});
  }
  node.replace_with(ops::ScatterElements{node.integer("axis", 0), reduction(node)},
                    {node.input(0), node.input(1), node.input(2)});
}

}  // namespace

ONNX_OP(ScatterElements) { import_elements(node); }
ONNX_OP(Scatter) { import_elements(node); }  // the same operator's name before opset 11

ONNX_OP(ScatterND) {
  node.replace_with(ops::ScatterND{reduction(node)}, {node.input(0), node.input(1), node.input(2)});
}

ONNX_OP(TensorScatter) {
  const std::string mode = node.text("mode", "linear");
  if (mode != "linear" && mode != "circular")
    fail(ErrorCode::invalid_model, "mode is '{}', expected linear or circular", mode);
  std::vector<ValueId> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.push_back(node.input(2));
  node.replace_with(ops::TensorScatter{node.integer("axis", -2), mode == "circular"},
                    std::move(inputs));
}

}  // namespace drawbar::onnx
