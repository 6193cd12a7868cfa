#include "import/onnx/node.h"
#include "ops/control_flow/op.h"
#include "ops/control_flow/stack.h"

namespace drawbar::onnx {
namespace {

/// The type of a value that a body gets: its sizes may change between iterations, its rank may not.
Type body_type(const OnnxNode& node, const Type& given, size_t i) {
  Type type = given;
  if (!type.is_tensor()) return type;
  std::string stem;
  for (char c : node.output_name(0)) {
    stem += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ? c : '_';
  }
  for (size_t axis = 0; axis < type.tensor.dims.size(); ++axis) {
    type.tensor.dims[axis] = Dim::symbol(fmt::format("?{}:{}.{}", stem, i, axis));
  }
  return type;
}

Type without_dim(Type type, int64_t axis) {
  if (!type.is_tensor()) {
    fail(ErrorCode::invalid_model, "scanned input is {}, expected a tensor", to_string(type));
  }
  if (!type.tensor.ranked) return type;
  const int64_t at = Infer::axis(axis, type.tensor.rank());
  type.tensor.dims.erase(type.tensor.dims.begin() + at);
  return type;
}

void append(std::vector<ValueId>& inputs, const std::vector<ValueId>& captures) {
  inputs.insert(inputs.end(), captures.begin(), captures.end());
}

}  // namespace

ONNX_OP(If) {
  std::vector<ValueId> inputs = {node.input(0)}, captures;
  const GraphPtr then_graph = node.subgraph("then_branch", captures);
  const auto then_inputs = static_cast<int64_t>(captures.size());
  const GraphPtr else_graph = node.subgraph("else_branch", captures);
  append(inputs, captures);
  node.replace_with(ops::If{then_inputs}, inputs, {then_graph, else_graph});
}

ONNX_OP(Loop) {
  std::vector<ValueId> inputs = node.inputs_padded(2), captures;
  std::vector<Type> types = {Type(ElementType::i64, {}), Type(ElementType::boolean, {})};
  for (size_t i = 2; i < inputs.size(); ++i) {
    types.push_back(body_type(node, node.value(inputs[i]).type, i));
  }
  const GraphPtr body = node.subgraph("body", captures, types);
  ops::Loop loop{.carried = static_cast<int64_t>(inputs.size()) - 2};
  const size_t first_stack = 1 + static_cast<size_t>(loop.carried);
  if (body->outputs().size() < first_stack) {
    fail(ErrorCode::invalid_model, "the body has {} outputs, expected at least {}",
         body->outputs().size(), first_stack);
  }
  loop.empty_stacks = ops::empty_stacks(*body, first_stack);
  append(inputs, captures);
  node.replace_with(std::move(loop), inputs, {body});
}

ONNX_OP(Scan) {
  std::vector<ValueId> inputs = node.all_inputs(), captures;
  ops::Scan scan;
  scan.batched = node.opset() < 9;
  scan.scanned = node.required_integer("num_scan_inputs");
  const size_t first = scan.batched ? 1 : 0;
  scan.states = static_cast<int64_t>(inputs.size() - std::min(inputs.size(), first)) - scan.scanned;
  if (scan.scanned < 1 || scan.states < 0) {
    fail(ErrorCode::invalid_model, "num_scan_inputs is {}, expected 1 to {}", scan.scanned,
         inputs.size() - std::min(inputs.size(), first));
  }
  scan.input_directions = node.integers(scan.batched ? "directions" : "scan_input_directions");
  scan.output_directions = node.integers("scan_output_directions");
  scan.input_axes = node.integers("scan_input_axes");
  scan.output_axes = node.integers("scan_output_axes");
  std::vector<Type> types;
  for (size_t i = first; i < inputs.size(); ++i) {
    Type type = node.value(inputs[i]).type;
    if (scan.batched) type = without_dim(std::move(type), 0);
    const auto k = static_cast<int64_t>(i - first) - scan.states;
    if (k >= 0) {
      const auto index = static_cast<size_t>(k);
      const int64_t axis = index < scan.input_axes.size() ? scan.input_axes[index] : 0;
      type = without_dim(std::move(type), axis);
    }
    types.push_back(body_type(node, type, i));
  }
  const GraphPtr body = node.subgraph("body", captures, types);
  const auto states = static_cast<size_t>(scan.states);
  scan.empty_stacks = ops::empty_stacks(*body, std::min(states, body->outputs().size()),
                                        scan.batched ? std::vector<int64_t>{} : scan.output_axes);
  append(inputs, captures);
  node.replace_with(std::move(scan), inputs, {body});
}

}  // namespace drawbar::onnx
