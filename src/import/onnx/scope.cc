#include "import/onnx/scope.h"

namespace drawbar::onnx {

std::string GraphBuilder::unique(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !names.insert(name).second; ++i) name = fmt::format("{}#{}", wanted, i);
  return name;
}

std::optional<ValueId> Scope::find(const std::string& name) {
  const auto own = values_.find(name);
  if (own != values_.end()) return own->second;
  if (!outer_) return std::nullopt;
  const std::optional<ValueId> outer = outer_->find(name);
  if (!outer || *outer == no_id) return outer;
  return capture(*outer);
}

void Scope::define(const std::string& name, ValueId value) {
  if (!values_.emplace(name, value).second) {
    fail(ErrorCode::invalid_model, "value '{}' is defined twice", name);
  }
}

ValueId Scope::capture(ValueId outer) {
  const auto [entry, added] = captured_.emplace(outer, no_id);
  if (!added) return entry->second;
  const Value& value = outer_->graph().value(outer);
  const std::string name = builder_.unique(value.name);
  if (value.is_constant()) {
    entry->second = graph().add_constant(value.constant, name);
  } else {
    entry->second = graph().add_input(name, value.type);
    captures_.push_back(outer);
  }
  return entry->second;
}

}  // namespace drawbar::onnx
