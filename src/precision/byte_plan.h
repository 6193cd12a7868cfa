#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "passes/byte_layers.h"

// What of a prepared graph (`prepare` in passes/pipeline.h) runs on bytes.

namespace drawbar {

struct BytePlan {
  std::set<ValueId> values;             // that become bytes
  std::map<NodeId, int64_t> weighted;   // by channel axis
  std::map<ValueId, ValueId> range_of;  // of a maximum: its input's; of a part: the whole's
};

/// The plan with these nodes in f32.
BytePlan plan_bytes(const Graph& graph, const std::set<NodeId>& in_f32);

/// The node as a layer whose weights and bias are constants of f32.
std::optional<ByteLayer> constant_layer(const Graph& graph, const Node& node);

/// The node's result, after an activation that saturation does.
ValueId result_of(const Graph& graph, const Node& node);

/// The node whose result in this sense the value is; no_id of inputs and constants.
NodeId giver_of(const Graph& graph, ValueId value);

/// Whether the value, one of the plan's, comes as bytes from what computes it.
bool is_given_as_bytes(const Graph& graph, const BytePlan& plan, ValueId value);

/// Whether the node takes bytes of a value of the plan that it reads.
bool reads_bytes(const Graph& graph, const BytePlan& plan, NodeId node);

/// Convolutions and products with constant weights, and sums of bytes that such a layer reads, by
/// the calibration names of the nodes' results.
std::vector<std::pair<NodeId, std::string>> quantized_layers(const Graph& graph);

/// The activations that become bytes: what these layers read, and what they, concatenations,
/// maximum pooling and average pooling that one node reads give to them or to global averages.
std::vector<ValueId> quantized_values(const Graph& graph);

/// The layers of these names. Throws INVALID_ARGUMENT naming one that is no layer's.
std::set<NodeId> kept_nodes(const Graph& graph, const std::set<std::string>& names);

}  // namespace drawbar
