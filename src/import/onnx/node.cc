#include "import/onnx/node.h"

#include <map>

#include "ops/custom/plugins.h"

namespace drawbar::onnx {
namespace {

using Key = std::pair<std::string, std::string>;  // domain, type

std::map<Key, Handler, std::less<>>& handlers() {
  static std::map<Key, Handler, std::less<>> all;
  return all;
}

}  // namespace

void register_handler(std::string_view domain, std::string_view type, Handler handler) {
  if (!handlers().emplace(Key(domain, type), handler).second) {
    fail(ErrorCode::internal, "ONNX operator {}.{} is handled twice", domain, type);
  }
}

Handler find_handler(std::string_view domain, std::string_view type) {
  auto found = handlers().find(Key(domain, type));
  if (found == handlers().end() && ops::find_plugin_operator(domain, type))
    found = handlers().find(Key(any_plugin, any_plugin));
  return found == handlers().end() ? nullptr : found->second;
}

std::vector<std::string> handled_types() {
  std::vector<std::string> types;
  for (const auto& [key, handler] : handlers()) {
    if (key.first == any_plugin) continue;
    types.push_back(key.first.empty() ? key.second : key.first + "." + key.second);
  }
  return types;
}

int64_t OnnxNode::required_integer(std::string_view attribute) const {
  if (!has(attribute)) fail(ErrorCode::invalid_model, "attribute '{}' is missing", attribute);
  return integer(attribute, 0);
}

const Value& OnnxNode::value(ValueId id) const {
  if (id == no_id) fail(ErrorCode::invalid_model, "a required input is missing");
  return graph().value(id);
}

std::vector<ValueId> OnnxNode::all_inputs() const { return inputs_padded(inputs()); }

std::vector<ValueId> OnnxNode::inputs_padded(size_t count) const {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < std::max(count, inputs()); ++i) {
    ids.push_back(i < inputs() ? input(i) : no_id);
  }
  return ids;
}

const Tensor* OnnxNode::constant(size_t i) const {
  if (!has_input(i)) return nullptr;
  const Value& held = value(input(i));
  return held.is_constant() ? &held.constant->tensor() : nullptr;
}

std::optional<std::vector<int64_t>> OnnxNode::attribute_or_input(std::string_view attribute,
                                                                 size_t i) const {
  if (has(attribute)) return integers(attribute);
  if (!has_input(i)) return std::nullopt;
  const Tensor* known = constant(i);
  if (!known) {
    fail(ErrorCode::unsupported, "input {} ('{}', {}) must be a constant", i, value(input(i)).name,
         attribute);
  }
  if (!is_integer(known->type()) || known->rank() > 1) {
    fail(ErrorCode::invalid_model, "input {} ({}) is {} of rank {}, expected a list of integers", i,
         attribute, drawbar::name(known->type()), known->rank());
  }
  return read_integers(*known);
}

ValueId OnnxNode::add(Op op, std::vector<ValueId> inputs) {
  return add_all(std::move(op), std::move(inputs), 1)[0];
}

std::vector<ValueId> OnnxNode::add_all(Op op, std::vector<ValueId> inputs, size_t outputs,
                                       std::vector<GraphPtr> subgraphs) {
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs; ++i) names.push_back(new_name());
  const NodeId id =
      graph().add_named_node(std::move(op), std::move(inputs), names, name(), std::move(subgraphs));
  return graph().node(id).outputs;
}

ValueId OnnxNode::constant_value(Tensor tensor) {
  return graph().add_constant(std::move(tensor), new_name());
}

ValueId OnnxNode::constant_list(const std::vector<int64_t>& values) {
  return constant_value(Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
}

void OnnxNode::replace_with(Op op, std::vector<ValueId> inputs, std::vector<GraphPtr> subgraphs) {
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs(); ++i) names.push_back(output_name(i));
  const NodeId id =
      graph().add_named_node(std::move(op), std::move(inputs), names, name(), std::move(subgraphs));
  for (size_t i = 0; i < outputs(); ++i) set_output(i, graph().node(id).outputs[i]);
}

}  // namespace drawbar::onnx
