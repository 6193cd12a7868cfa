#include "ops/custom/op.h"

#include "ops/custom/host.h"
#include "ops/custom/plugins.h"

namespace drawbar::ops {
namespace {

Op create(const OpSchema& schema, const Attributes& given) {
  auto op = std::make_shared<Custom>();
  for (const auto& [name, value] : given) {
    if (name != Custom::reserved) {
      op->attributes.emplace(name, value);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      op->op = *text;
    } else {
      fail(ErrorCode::invalid_model, "attribute '{}' has the wrong type", name);
    }
  }
  return Op(schema, std::move(op));
}

Attributes attributes_of(const void* held) {
  const auto& op = *static_cast<const Custom*>(held);
  Attributes all = op.attributes;
  all.emplace(Custom::reserved, op.op);
  return all;
}

[[maybe_unused]] const bool registered = [] {
  OpSchema schema{.name = Custom::name, .type = typeid(Custom)};
  schema.create = create;
  schema.attributes = attributes_of;
  schema.infer = [](const void* op, Infer& context) {
    infer(*static_cast<const Custom*>(op), context);
  };
  schema.reference = [](const void* op, Evaluation& e) {
    reference(*static_cast<const Custom*>(op), e);
  };
  register_schema(std::move(schema));
  return true;
}();

const drawbar_operator& plugin_of(const Custom& op) {
  const drawbar_operator* plugin = find_plugin_operator(op.op);
  if (!plugin) {
    fail(ErrorCode::unsupported, "{} comes from a plug-in that is not loaded (--plugin FILE)",
         op.op);
  }
  return *plugin;
}

}  // namespace

void infer(const Custom& op, Infer& context) {
  const drawbar_operator& plugin = plugin_of(op);
  if (context.inputs() < plugin.least_inputs || context.inputs() > plugin.most_inputs) {
    fail(ErrorCode::invalid_model, "has {} inputs, {} takes {} to {}", context.inputs(), op.op,
         plugin.least_inputs, plugin.most_inputs);
  }
  if (context.outputs() < plugin.least_outputs || context.outputs() > plugin.most_outputs) {
    fail(ErrorCode::invalid_model, "has {} outputs, {} gives {} to {}", context.outputs(), op.op,
         plugin.least_outputs, plugin.most_outputs);
  }
  infer_with(plugin, op, context);
}

void reference(const Custom& op, Evaluation& e) { run_with(plugin_of(op), op, e); }

}  // namespace drawbar::ops
