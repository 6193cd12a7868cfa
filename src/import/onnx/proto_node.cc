#include "import/onnx/proto_node.h"

#include "import/onnx/tensor.h"

namespace drawbar::onnx {

ProtoNode::ProtoNode(ModelTranslation& model, const drawbar_onnx::NodeProto& proto,
                     const Place& place, std::vector<ValueId> inputs)
    : model_(model),
      proto_(proto),
      place_(place),
      attributes_(proto, place.attributes),
      inputs_(std::move(inputs)),
      outputs_(static_cast<size_t>(proto.output_size()), no_id),
      first_value_(place.scope.graph().value_count()) {
  if (proto.output_size() == 0) fail(ErrorCode::invalid_model, "has no outputs");
  domain_ = plain_domain(proto.domain());
  const auto opset = place.opsets.find(domain_);
  if (opset == place.opsets.end()) {
    fail(ErrorCode::invalid_model, "the file imports no opset of domain '{}'",
         domain_.empty() ? "ai.onnx" : domain_);
  }
  opset_ = opset->second;
  const std::string first = proto.output(0);
  label_ = !proto.name().empty() ? proto.name() : first.empty() ? proto.op_type() : first;
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string& name = proto.output(i);
    const std::string wanted = name.empty() ? fmt::format("{}#{}", label_, i) : name;
    output_names_.push_back(place.scope.graph_name(wanted));
  }
}

ElementType ProtoNode::element_type(std::string_view attribute, ElementType fallback) const {
  if (!has(attribute)) return fallback;
  const int64_t type = integer(attribute, 0);
  if (type < 0 || type > INT32_MAX) {
    fail(ErrorCode::invalid_model, "attribute '{}': element type {} is unknown", attribute, type);
  }
  return onnx::element_type(static_cast<int32_t>(type));
}

GraphPtr ProtoNode::subgraph(std::string_view attribute, std::vector<ValueId>& captures,
                             const std::vector<Type>& input_types) {
  const std::string name = output_names_[0] + ":" + std::string(attribute);
  return model_.subgraph(attributes_.graph(attribute), name, place_, input_types, captures);
}

std::vector<std::string> ProtoNode::subgraph_inputs(std::string_view attribute) const {
  std::vector<std::string> names;
  for (const auto& input : attributes_.graph(attribute).input()) names.push_back(input.name());
  return names;
}

bool ProtoNode::output_used(size_t i) const {
  return i < outputs_.size() && !proto_.output(static_cast<int>(i)).empty();
}

void ProtoNode::set_output(size_t i, ValueId value) {
  if (i < outputs_.size()) outputs_[i] = value;
}

std::string ProtoNode::new_name() {
  const std::string& stem = proto_.output(0).empty() ? label_ : proto_.output(0);
  return place_.scope.graph_name(fmt::format("{}#{}", stem, ++names_));
}

void ProtoNode::finish() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!output_used(i)) continue;
    const std::string& name = proto_.output(static_cast<int>(i));
    if (outputs_[i] == no_id) {
      fail(ErrorCode::unsupported, "output {} ('{}') is not supported", i, name);
    }
    place_.scope.define(name, outputs_[i]);
    const bool own = outputs_[i] >= first_value_;
    const bool again = std::find(outputs_.begin(), outputs_.begin() + static_cast<ptrdiff_t>(i),
                                 outputs_[i]) != outputs_.begin() + static_cast<ptrdiff_t>(i);
    if (own && !again) graph().set_value_name(outputs_[i], output_names_[i]);
  }
}

}  // namespace drawbar::onnx
