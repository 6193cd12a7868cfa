#include "targets/step_report.h"

namespace drawbar {

StepReport describe_step(const Graph& graph, const Node& node) {
  StepReport line;
  line.node = node.name;
  line.op = node.op.name();
  const auto describe_value = [&](ValueId id) {
    if (id == no_id) return std::string("_");
    const Type& type = graph.value(id).type;
    if (type.is_static())
      line.bytes += storage_bytes(type.tensor.element, type.tensor.size().value());
    return type.is_tensor() ? "[" + to_string(type.tensor.dims) + "]" : to_string(type);
  };
  if (!node.inputs.empty() && node.inputs[0] != no_id) {
    const ElementType first = graph.value(node.inputs[0]).type.tensor.element;
    line.of_bytes = first == ElementType::u8 || first == ElementType::i8;
  }
  for (ValueId id : node.inputs)
    line.shapes += (line.shapes.empty() ? "" : " ") + describe_value(id);
  line.shapes += " ->";
  for (ValueId id : node.outputs) line.shapes += " " + describe_value(id);
  if (node.op.schema().operations) {
    const Infer context(node.name, graph.infer_inputs(node.inputs), node.outputs.size());
    try {
      const Dim operations = node.op.schema().operations(node.op.attributes_struct(), context);
      if (operations.is_constant()) line.operations = operations.value();
    } catch (const Error&) {
      line.operations = 0;  // ranks that are only known while running
    }
  }
  return line;
}

std::string describe_inputs(const Graph& graph) {
  std::string text;
  for (ValueId id : graph.inputs()) {
    text +=
        (text.empty() ? "" : ", ") + graph.value(id).name + "=" + to_string(graph.value(id).type);
  }
  return text;
}

}  // namespace drawbar
