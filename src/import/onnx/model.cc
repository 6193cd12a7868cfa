#include "import/onnx/model.h"

#include <algorithm>

#include "import/onnx/proto_node.h"
#include "import/onnx/tensor.h"

namespace drawbar::onnx {

using drawbar_onnx::FunctionProto;
using drawbar_onnx::GraphProto;
using drawbar_onnx::ModelProto;
using drawbar_onnx::NodeProto;
using drawbar_onnx::TensorProto;
using drawbar_onnx::ValueInfoProto;

namespace {

constexpr int64_t newest_ir_version = 14;
constexpr int deepest_call = 64;
constexpr int deepest_subgraph = 24;
constexpr int64_t most_expanded_nodes = 100'000;

std::string value_place(std::string_view role, const ValueInfoProto& info) {
  return fmt::format("{} '{}'", role, info.name());
}

std::string node_place(const NodeProto& proto) {
  const std::string& name =
      proto.name().empty() && proto.output_size() ? proto.output(0) : proto.name();
  return fmt::format("node '{}' ({})", name, proto.op_type());
}

/// Inference names the same node by our operator's name; the file's name says more.
Error at_node(const Error& error, const NodeProto& proto) {
  const std::string place = node_place(proto), same = place.substr(0, place.rfind(" (") + 2);
  std::string message = error.message();
  if (message.starts_with(same)) {
    const size_t end = message.find("): ", same.size());
    if (end != std::string::npos) message.erase(0, end + 3);
  }
  return Error(error.code(), std::move(message)).at(place);
}

/// Without what no output needs. Symbols of sizes that depend on data are spelt after values, which
/// got their names since.
Graph finished(const Graph& graph) {
  return graph.symbol_bounds().empty() ? graph.compact() : graph.specialize({});
}

void refuse_unknown_operators(const ModelProto& model) {
  std::string unknown;
  for (const OperatorCount& entry : count_operators(model)) {
    if (entry.known) continue;
    unknown += fmt::format("{}{} ×{}", unknown.empty() ? "" : ", ", entry.name, entry.count);
  }
  if (unknown.empty()) return;
  fail(ErrorCode::unsupported, "unknown operators: {} (see `drawbar inspect --operators`)",
       unknown);
}

}  // namespace

ModelTranslation::ModelTranslation(ModelProto& model, std::string folder)
    : model_(model), external_(std::move(folder)), functions_(model) {}

Graph ModelTranslation::translate() {
  if (!model_.has_graph()) fail(ErrorCode::invalid_model, "the file holds no graph");
  if (model_.ir_version() < 1) {
    fail(ErrorCode::invalid_model, "IR version {}, expected 1 to {}", model_.ir_version(),
         newest_ir_version);
  }
  if (model_.ir_version() > newest_ir_version) {
    fail(ErrorCode::unsupported, "IR version {} is newer than {}, the newest this build knows",
         model_.ir_version(), newest_ir_version);
  }
  const Opsets opsets = read_opsets(model_.opset_import(), model_.ir_version());
  refuse_unknown_operators(model_);
  GraphProto& proto = *model_.mutable_graph();
  GraphBuilder builder;
  if (!proto.name().empty()) builder.graph.name = proto.name();
  Scope scope(builder);
  for (TensorProto& tensor : *proto.mutable_initializer()) {
    if (tensor.name().empty()) fail(ErrorCode::invalid_model, "an initializer has no name");
    ConstantPtr constant = take_constant(tensor, external_);
    const std::string name = scope.graph_name(tensor.name());
    scope.define(tensor.name(), builder.graph.add_constant(std::move(constant), name));
  }
  add_sparse_initializers(proto, scope);
  add_inputs(proto, scope);
  nodes(proto.node(), {scope, opsets});
  add_outputs(proto, scope);
  return finished(builder.graph);
}

/// An initializer that is an input too is the input's default; here it is a constant.
void ModelTranslation::add_inputs(const GraphProto& proto, Scope& scope) {
  std::unordered_set<std::string> seen;
  for (const ValueInfoProto& info : proto.input()) {
    if (!seen.insert(info.name()).second) {
      fail(ErrorCode::invalid_model, "input '{}' is listed twice", info.name());
    }
    if (scope.defines(info.name())) continue;
    try {
      if (info.name().empty()) fail(ErrorCode::invalid_model, "has no name");
      Type type = read_type(info.type(), symbols_, info.name());
      const std::string name = scope.graph_name(info.name());
      scope.define(info.name(), scope.graph().add_input(name, std::move(type)));
    } catch (const Error& error) {
      throw error.at(value_place("input", info));
    }
  }
}

void ModelTranslation::add_subgraph_inputs(const GraphProto& proto, Scope& scope,
                                           const std::vector<Type>& types) {
  if (!types.empty() && types.size() != static_cast<size_t>(proto.input_size())) {
    fail(ErrorCode::invalid_model, "has {} inputs, expected {}", proto.input_size(), types.size());
  }
  for (int i = 0; i < proto.input_size(); ++i) {
    const ValueInfoProto& info = proto.input(i);
    try {
      const std::string name = scope.graph_name(info.name());
      Type type =
          types.empty() ? read_type(info.type(), symbols_, name) : types[static_cast<size_t>(i)];
      scope.define(info.name(), scope.graph().add_input(name, std::move(type)));
    } catch (const Error& error) {
      throw error.at(value_place("input", info));
    }
  }
}

void ModelTranslation::add_sparse_initializers(const GraphProto& proto, Scope& scope) {
  for (const auto& tensor : proto.sparse_initializer()) {
    const std::string& name = tensor.values().name();
    if (name.empty()) fail(ErrorCode::invalid_model, "a sparse initializer has no name");
    scope.define(name, scope.graph().add_constant(read_sparse_tensor(tensor, external_),
                                                  scope.graph_name(name)));
  }
}

void ModelTranslation::add_outputs(const GraphProto& proto, Scope& scope) {
  std::unordered_set<std::string> seen;
  for (const ValueInfoProto& info : proto.output()) {
    if (!seen.insert(info.name()).second) {
      fail(ErrorCode::invalid_model, "output '{}' is listed twice", info.name());
    }
    const auto value = scope.find(info.name());
    if (!value || *value == no_id) {
      fail(ErrorCode::invalid_model, "output '{}' is computed by no node", info.name());
    }
    scope.graph().add_output(*value, info.name());
  }
}

void ModelTranslation::nodes(const Nodes& list, const Place& place) {
  if (place.function_depth > 0 || place.subgraph_depth > 0) {
    expanded_ += list.size();
    if (expanded_ > most_expanded_nodes) {
      fail(ErrorCode::resource_exhausted, "functions and subgraphs expand to more than {} nodes",
           most_expanded_nodes);
    }
  }
  for (int i = 0; i < list.size(); ++i) {
    const NodeProto& proto = list[i];
    try {
      for (const std::string& name : proto.input()) {
        if (name.empty() || place.scope.find(name)) continue;
        const bool later = std::any_of(list.begin() + i, list.end(), [&](const NodeProto& node) {
          return std::find(node.output().begin(), node.output().end(), name) != node.output().end();
        });
        fail(ErrorCode::invalid_model, "reads '{}', which {}", name,
             later ? "only a later node computes (a cycle, or nodes out of order)"
                   : "nothing defines");
      }
      node(proto, place);
    } catch (const Error& error) {
      throw at_node(error, proto);
    }
  }
}

void ModelTranslation::node(const NodeProto& proto, const Place& place) {
  std::vector<ValueId> inputs;
  for (const std::string& name : proto.input()) {
    inputs.push_back(name.empty() ? no_id : place.scope.find(name).value_or(no_id));
  }
  if (const FunctionProto* function = functions_.find(proto)) {
    return call(*function, proto, inputs, place);
  }
  const Handler handler = find_handler(plain_domain(proto.domain()), proto.op_type());
  if (!handler) fail(ErrorCode::unsupported, "the operator is unknown");
  ProtoNode translated(*this, proto, place, std::move(inputs));
  handler(translated);
  translated.finish();
}

void ModelTranslation::call(const FunctionProto& function, const NodeProto& proto,
                            const std::vector<ValueId>& inputs, const Place& place) {
  if (std::find(active_.begin(), active_.end(), &function) != active_.end()) {
    fail(ErrorCode::invalid_model, "function '{}' calls itself", function.name());
  }
  if (place.function_depth >= deepest_call) {
    fail(ErrorCode::resource_exhausted, "functions call each other deeper than {}", deepest_call);
  }
  if (proto.input_size() > function.input_size() || proto.output_size() > function.output_size()) {
    fail(ErrorCode::invalid_model,
         "is called with {} inputs and {} outputs, the function has {} and {}", proto.input_size(),
         proto.output_size(), function.input_size(), function.output_size());
  }
  AttributeMap attributes;
  for (const AttributeProto& fallback : function.attribute_proto()) {
    attributes[fallback.name()] = &fallback;
  }
  const NodeAttributes given(proto, place.attributes);
  for (const auto& [name, attribute] : given.all()) attributes[name] = attribute;

  const std::string stem = proto.output_size() ? proto.output(0) : proto.name();
  GraphBuilder& builder = place.scope.builder();
  Scope body(builder, builder.unique(place.scope.prefix() + stem + "/"));
  for (int i = 0; i < function.input_size(); ++i) {
    const auto index = static_cast<size_t>(i);
    body.define(function.input(i), index < inputs.size() ? inputs[index] : no_id);
  }
  const size_t first_value = builder.graph.value_count();
  active_.push_back(&function);
  nodes(function.node(),
        {body, opsets_of(function), &attributes, place.function_depth + 1, place.subgraph_depth});
  active_.pop_back();
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty()) continue;
    const auto value = body.find(function.output(i));
    if (!value || *value == no_id) {
      fail(ErrorCode::invalid_model, "the function's output '{}' is computed by no node",
           function.output(i));
    }
    place.scope.define(proto.output(i), *value);
    if (*value >= first_value && !builder.graph.value(*value).is_constant()) {
      builder.graph.set_value_name(*value, place.scope.graph_name(proto.output(i)));
    }
  }
}

const Opsets& ModelTranslation::opsets_of(const FunctionProto& function) {
  const auto found = function_opsets_.find(&function);
  if (found != function_opsets_.end()) return found->second;
  Opsets opsets = read_opsets(function.opset_import(), model_.ir_version());
  return function_opsets_.emplace(&function, std::move(opsets)).first->second;
}

GraphPtr ModelTranslation::subgraph(const GraphProto& proto, const std::string& name,
                                    const Place& outer, const std::vector<Type>& input_types,
                                    std::vector<ValueId>& captures) {
  if (outer.subgraph_depth >= deepest_subgraph) {
    fail(ErrorCode::resource_exhausted, "subgraphs nest deeper than {}", deepest_subgraph);
  }
  try {
    GraphBuilder builder;
    builder.graph.name = name;
    Scope scope(builder, name + "/", outer.scope);
    for (const TensorProto& tensor : proto.initializer()) {
      const std::string graph_name = scope.graph_name(tensor.name());
      scope.define(tensor.name(),
                   builder.graph.add_constant(read_tensor(tensor, external_), graph_name));
    }
    add_sparse_initializers(proto, scope);
    add_subgraph_inputs(proto, scope, input_types);
    nodes(proto.node(),
          {scope, outer.opsets, outer.attributes, outer.function_depth, outer.subgraph_depth + 1});
    add_outputs(proto, scope);
    captures.insert(captures.end(), scope.captures().begin(), scope.captures().end());
    return std::make_shared<const Graph>(finished(builder.graph));
  } catch (const Error& error) {
    throw error.at(fmt::format("graph '{}'", proto.name()));
  }
}

}  // namespace drawbar::onnx
