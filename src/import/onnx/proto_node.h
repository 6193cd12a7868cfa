#pragma once

#include "import/onnx/model.h"

namespace drawbar::onnx {

/// An ONNX node as it stands in the file, and where its translation goes.
class ProtoNode final : public OnnxNode {
 public:
  /// Throws INVALID_MODEL for attributes given twice and for a domain without opset.
  ProtoNode(ModelTranslation& model, const drawbar_onnx::NodeProto& proto, const Place& place,
            std::vector<ValueId> inputs);

  const std::string& type() const override { return proto_.op_type(); }
  const std::string& domain() const override { return domain_; }
  const std::string& name() const override { return label_; }
  int64_t opset() const override { return opset_; }
  int64_t ir_version() const override { return model_.ir_version(); }

  bool has(std::string_view attribute) const override { return attributes_.find(attribute); }
  int64_t integer(std::string_view attribute, int64_t fallback) const override {
    return attributes_.integer(attribute, fallback);
  }
  double number(std::string_view attribute, double fallback) const override {
    return attributes_.number(attribute, fallback);
  }
  std::string text(std::string_view attribute, std::string fallback) const override {
    return attributes_.text(attribute, std::move(fallback));
  }
  std::vector<int64_t> integers(std::string_view attribute,
                                std::vector<int64_t> fallback) const override {
    return attributes_.integers(attribute, std::move(fallback));
  }
  std::vector<float> numbers(std::string_view attribute,
                             std::vector<float> fallback) const override {
    return attributes_.numbers(attribute, std::move(fallback));
  }
  std::vector<std::string> texts(std::string_view attribute) const override {
    return attributes_.texts(attribute);
  }
  Tensor tensor(std::string_view attribute) const override {
    return attributes_.tensor(attribute, model_.external());
  }
  ElementType element_type(std::string_view attribute, ElementType fallback) const override;
  Attributes plain_attributes() const override { return attributes_.plain(); }
  Type type_attribute(std::string_view attribute) const override {
    return attributes_.type(attribute, model_.symbols());
  }

  size_t inputs() const override { return inputs_.size(); }
  ValueId input(size_t i) const override { return i < inputs_.size() ? inputs_[i] : no_id; }
  Graph& graph() override { return place_.scope.graph(); }
  const Graph& graph() const override { return place_.scope.graph(); }
  GraphPtr subgraph(std::string_view attribute, std::vector<ValueId>& captures,
                    const std::vector<Type>& input_types) override;
  std::vector<std::string> subgraph_inputs(std::string_view attribute) const override;

  size_t outputs() const override { return outputs_.size(); }
  bool output_used(size_t i) const override;
  void set_output(size_t i, ValueId value) override;
  const std::string& output_name(size_t i) const override { return output_names_[i]; }
  std::string new_name() override;

  /// Gives the file's names to what the handler answered.
  void finish();

 private:
  ModelTranslation& model_;
  const drawbar_onnx::NodeProto& proto_;
  const Place& place_;
  NodeAttributes attributes_;
  std::string label_, domain_;
  int64_t opset_ = 0;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<std::string> output_names_;
  size_t first_value_ = 0;  // values of the graph before this node
  int names_ = 0;
};

}  // namespace drawbar::onnx
