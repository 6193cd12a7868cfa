#pragma once

#include <string>
#include <vector>

#include "import/importer.h"
#include "import/onnx/onnx.pb.h"
#include "import/onnx/tensor.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/draw.h"

namespace drawbar {

/// An ONNX model of one node. Its inputs are types ("f32[2, N]") or "_" for an absent one; the
/// others are the graph's inputs and called x0, x1, … by their place. Its outputs y0, y1, … are the
/// graph's. Everything may be changed before it is imported.
struct OnnxNodeModel {
  drawbar_onnx::ModelProto proto;

  drawbar_onnx::GraphProto& graph() { return *proto.mutable_graph(); }
  drawbar_onnx::NodeProto& node() { return *graph().mutable_node(0); }

  OnnxNodeModel(const std::string& domain, const std::string& type,
                const std::vector<std::string>& inputs, size_t outputs = 1) {
    proto.set_ir_version(10);
    proto.add_opset_import()->set_version(28);
    if (!domain.empty()) {
      drawbar_onnx::OperatorSetIdProto& opset = *proto.add_opset_import();
      opset.set_domain(domain);
      opset.set_version(1);
    }
    graph().add_node()->set_domain(domain);
    node().set_op_type(type);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool absent = inputs[i] == "_";
      const std::string name = absent ? "" : "x" + std::to_string(i);
      node().add_input(name);
      if (!absent) declare(*graph().add_input(), name, InputText(inputs[i]).type.tensor);
    }
    for (size_t i = 0; i < outputs; ++i) {
      node().add_output("y" + std::to_string(i));
      graph().add_output()->set_name(node().output(static_cast<int>(i)));
    }
  }

  static void declare(drawbar_onnx::ValueInfoProto& info, const std::string& name,
                      const TensorType& type) {
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    int32_t code = 1;
    while (onnx::element_type(code) != type.element) ++code;
    tensor.set_elem_type(code);
    tensor.mutable_shape();
    for (const Dim& dim : type.dims) {
      auto& added = *tensor.mutable_shape()->add_dim();
      if (dim.is_constant()) {
        added.set_dim_value(dim.value());
      } else {
        added.set_dim_param(dim.str());
      }
    }
  }

  /// A new attribute of a TensorProto-style type code: 1 float, 2 int, 3 string, 5 graph.
  drawbar_onnx::AttributeProto& attribute(const std::string& name, int32_t type) {
    drawbar_onnx::AttributeProto& added = *node().add_attribute();
    added.set_name(name);
    added.set_type(type);
    return added;
  }
  void set(const std::string& name, int64_t value) { attribute(name, 2).set_i(value); }
  void set(const std::string& name, float value) { attribute(name, 1).set_f(value); }
  void set(const std::string& name, const std::string& value) { attribute(name, 3).set_s(value); }

  Graph import() const {
    Graph result = import_bytes(proto.SerializeAsString());
    verify(result);
    return result;
  }
  /// The references' answers.
  std::vector<Tensor> run(std::vector<Tensor> inputs) const {
    return evaluate_graph(import(), std::move(inputs));
  }
  /// "CODE: message" of what import throws.
  std::string error() const {
    try {
      import();
    } catch (const Error& error) {
      return fmt::format("{}: {}", name(error.code()), error.message());
    }
    return "no error";
  }
};

}  // namespace drawbar
