#include "precision/byte_plan.h"

#include <algorithm>

#include "base/error.h"
#include "ops/concat/op.h"
#include "ops/conv/op.h"
#include "ops/pool/op.h"
#include "passes/sink_dequantize.h"
#include "precision/calibrate.h"

namespace drawbar {
namespace {

using ops::Function;

bool is_f32(const Graph& graph, ValueId value) {
  return is_ranked_tensor(graph, value) && element_of(graph, value) == ElementType::f32;
}

bool is_constant_f32(const Graph& graph, ValueId value) {
  return graph.value(value).is_constant() && is_f32(graph, value);
}

}  // namespace

std::optional<ByteLayer> constant_layer(const Graph& graph, const Node& node) {
  const auto layer = byte_layer(graph, node);
  if (!layer || !is_constant_f32(graph, layer->weights)) return {};
  if (layer->bias != no_id && !is_constant_f32(graph, layer->bias)) return {};
  return layer;
}

ValueId result_of(const Graph& graph, const Node& node) {
  const ValueId value = node.outputs[0];
  if (!has_one_reader(graph, value)) return value;
  const Node& reader = graph.node(graph.value(value).uses[0].node);
  const auto* op = reader.op.as<ops::Elementwise>();
  if (op && (op->function == Function::Relu || op->function == Function::Clip))
    return reader.outputs[0];
  return value;
}

NodeId giver_of(const Graph& graph, ValueId value) {
  const NodeId id = graph.value(value).producer;
  if (id == no_id || !graph.node(id).op.as<ops::Elementwise>()) return id;
  const NodeId before = graph.value(graph.node(id).inputs[0]).producer;
  const bool gives = before != no_id && result_of(graph, graph.node(before)) == value;
  return gives ? before : id;
}

namespace {

/// Parts that only a concatenation reads have its range, so that it moves bytes as they are.
void unite_ranges(const Graph& graph, const Node& node, BytePlan& plan) {
  const ValueId whole = node.outputs[0];
  if (!plan.values.contains(whole)) return;
  for (ValueId part : node.inputs) {
    if (plan.values.contains(part) && has_one_reader(graph, part))
      plan.range_of.emplace(part, whole);
  }
}

bool is_maximum(const Node& node) {
  const auto* pool = node.op.as<ops::Pool>();
  return pool && pool->kind == ops::PoolKind::maximum && node.outputs.size() == 1;
}

/// One that many concatenations read (dense blocks) would be quantised anew for each.
bool is_average(const Graph& graph, const Node& node) {
  const auto* pool = node.op.as<ops::Pool>();
  return pool && pool->kind == ops::PoolKind::average && node.outputs.size() == 1 &&
         has_one_reader(graph, node.outputs[0]);
}

/// What may become bytes, whether or not anything reads them.
BytePlan possible(const Graph& graph, const std::set<NodeId>& in_f32) {
  BytePlan plan;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.outputs.empty() || in_f32.contains(id)) continue;
    const ValueId result = result_of(graph, node);
    if (!is_f32(graph, result)) continue;
    if (const auto layer = constant_layer(graph, node)) {
      if (!is_f32(graph, layer->x) || graph.value(layer->x).is_constant()) continue;
      plan.weighted.emplace(id, layer->axis);
      plan.values.insert(node.inputs[0]);
      plan.values.insert(result);
    } else if (is_function(graph, node.outputs[0], Function::Add)) {
      const bool both =
          plan.values.contains(node.inputs[0]) && plan.values.contains(node.inputs[1]);
      if (both && dims_of(graph, node.inputs[0]) == dims_of(graph, node.inputs[1]))
        plan.values.insert(result);
    } else if (node.op.as<ops::Concat>()) {
      if (std::all_of(node.inputs.begin(), node.inputs.end(),
                      [&](ValueId part) { return plan.values.contains(part); }))
        plan.values.insert(node.outputs[0]);
    } else if ((is_maximum(node) || is_average(graph, node)) &&
               plan.values.contains(node.inputs[0])) {
      plan.values.insert(node.outputs[0]);
    }
  }
  return plan;
}

/// Leaves the values that something reads as bytes. A depthwise convolution gives nothing but
/// bytes.
void prune(const Graph& graph, BytePlan& plan) {
  std::set<ValueId> read;
  const std::vector<NodeId> order = graph.order();
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    const Node& node = graph.node(*id);
    if (node.outputs.empty()) continue;
    const bool wanted = read.contains(result_of(graph, node));
    if (plan.weighted.contains(*id)) {
      if (wanted || !byte_layer(graph, node)->is_depthwise) {
        read.insert(node.inputs[0]);
      } else {
        plan.weighted.erase(*id);
      }
    } else if (wanted && (is_function(graph, node.outputs[0], Function::Add) || is_maximum(node) ||
                          is_average(graph, node) || node.op.as<ops::Concat>())) {
      read.insert(node.inputs.begin(), node.inputs.end());
    } else if (const auto* pool = node.op.as<ops::GlobalPool>();
               pool && pool->kind == ops::PoolKind::average) {
      read.insert(node.inputs[0]);  // it gives f32
    }
  }
  std::erase_if(plan.values, [&](ValueId value) { return !read.contains(value); });
}

}  // namespace

BytePlan plan_bytes(const Graph& graph, const std::set<NodeId>& in_f32) {
  BytePlan plan = possible(graph, in_f32);
  prune(graph, plan);
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (is_maximum(node) && plan.values.contains(node.outputs[0]) &&
        plan.values.contains(node.inputs[0]))
      plan.range_of[node.outputs[0]] = node.inputs[0];
    if (node.op.as<ops::Concat>()) unite_ranges(graph, node, plan);
  }
  return plan;
}

namespace {

/// Whether the node gives bytes of bytes.
bool runs_on_bytes(const Graph& graph, const BytePlan& plan, NodeId id) {
  if (plan.weighted.contains(id)) return true;
  const Node& node = graph.node(id);
  if (node.outputs.empty() || !plan.values.contains(result_of(graph, node))) return false;
  const auto is_planned = [&](ValueId input) { return plan.values.contains(input); };
  if (is_function(graph, node.outputs[0], Function::Add) || node.op.as<ops::Concat>())
    return std::all_of(node.inputs.begin(), node.inputs.end(), is_planned);
  return (is_maximum(node) || is_average(graph, node)) && is_planned(node.inputs[0]);
}

}  // namespace

bool is_given_as_bytes(const Graph& graph, const BytePlan& plan, ValueId value) {
  const NodeId id = giver_of(graph, value);
  if (id == no_id || graph.is_output(value)) return false;
  const Node& node = graph.node(id);
  return runs_on_bytes(graph, plan, id) ||
         (keeps_numbers(node.op) && plan.values.contains(node.inputs[0]));
}

bool reads_bytes(const Graph& graph, const BytePlan& plan, NodeId id) {
  const auto* pool = graph.node(id).op.as<ops::GlobalPool>();
  return (pool && pool->kind == ops::PoolKind::average) || runs_on_bytes(graph, plan, id) ||
         keeps_numbers(graph.node(id).op);
}

namespace {

bool is_layer(const Graph& graph, NodeId id, const BytePlan& plan) {
  const Node& node = graph.node(id);
  return plan.weighted.contains(id) ||
         (node.outputs.size() == 1 && is_function(graph, node.outputs[0], Function::Add) &&
          plan.values.contains(result_of(graph, node)));
}

}  // namespace

std::set<NodeId> kept_nodes(const Graph& graph, const std::set<std::string>& names) {
  std::set<NodeId> nodes;
  if (names.empty()) return nodes;
  std::set<std::string> missing = names;
  for (const auto& [id, name] : quantized_layers(graph)) {
    if (names.contains(name)) nodes.insert(id);
    missing.erase(name);
  }
  if (!missing.empty()) {
    fail(ErrorCode::invalid_argument,
         "the calibration keeps '{}' in f32: no layer that could run on bytes gives it",
         *missing.begin());
  }
  return nodes;
}

std::vector<std::pair<NodeId, std::string>> quantized_layers(const Graph& graph) {
  const BytePlan planned = plan_bytes(graph, {});
  std::vector<std::pair<NodeId, std::string>> layers;
  for (NodeId id : graph.order()) {
    if (is_layer(graph, id, planned))
      layers.emplace_back(id, calibration_name(graph, graph.node(id).outputs[0]));
  }
  return layers;
}

std::vector<ValueId> quantized_values(const Graph& graph) {
  const BytePlan planned = plan_bytes(graph, {});
  return {planned.values.begin(), planned.values.end()};
}

}  // namespace drawbar
