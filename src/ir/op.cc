#include "ir/op.h"

#include <map>

namespace drawbar {
namespace {

std::map<std::string_view, OpSchema>& schemas() {
  static std::map<std::string_view, OpSchema> all;
  return all;
}

}  // namespace

const OpSchema* find_schema(std::string_view name) {
  const auto found = schemas().find(name);
  return found == schemas().end() ? nullptr : &found->second;
}

std::vector<const OpSchema*> all_schemas() {
  std::vector<const OpSchema*> result;
  for (const auto& [name, schema] : schemas()) result.push_back(&schema);
  return result;
}

void register_schema(OpSchema schema) {
  const std::string_view name = schema.name;
  if (!schemas().emplace(name, std::move(schema)).second) {
    fail(ErrorCode::internal, "operator {} is registered twice", name);
  }
}

Op Op::named(std::string_view name, const Attributes& attributes) {
  const OpSchema* schema = find_schema(name);
  if (!schema) fail(ErrorCode::invalid_model, "unknown operator {}", name);
  return schema->create(*schema, attributes);
}

}  // namespace drawbar
