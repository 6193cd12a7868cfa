#pragma once

#include <cmath>
#include <optional>

#include "base/checked.h"
#include "ir/rewrite.h"
#include "ops/pointwise/op.h"

// What rewrite rules ask of a graph.

namespace drawbar {

/// The attributes of the value's producer when that is a T, else null.
template <class T>
const T* producer_as(const Graph& graph, ValueId value) {
  if (value == no_id || graph.value(value).producer == no_id) return nullptr;
  return graph.node(graph.value(value).producer).op.as<T>();
}

inline const Node& producer(const Graph& graph, ValueId value) {
  return graph.node(graph.value(value).producer);
}

/// Input i of the value's producer.
inline ValueId input_of(const Graph& graph, ValueId value, size_t i = 0) {
  return producer(graph, value).inputs[i];
}

/// Input i of a node, no_id where it is absent or the list is shorter.
inline ValueId optional_input(const Node& node, size_t i) {
  return i < node.inputs.size() ? node.inputs[i] : no_id;
}

/// Whether exactly one input of one node reads the value, and no graph output is it.
inline bool has_one_reader(const Graph& graph, ValueId value) {
  return graph.value(value).uses.size() == 1 && !graph.is_output(value);
}

/// Whether the value's producer is this pointwise function.
inline bool is_function(const Graph& graph, ValueId value, ops::Function function) {
  const auto* op = producer_as<ops::Elementwise>(graph, value);
  return op && op->function == function;
}

/// The constant tensor behind a value, or null. Draws described constants.
inline const Tensor* constant_of(const Graph& graph, ValueId value) {
  if (value == no_id || !graph.value(value).is_constant()) return nullptr;
  return &graph.value(value).constant->tensor();
}

/// The number of a float constant that has one element (of any rank).
inline std::optional<double> scalar_of(const Graph& graph, ValueId value) {
  if (value == no_id || !graph.value(value).is_constant()) return std::nullopt;
  const Constant& constant = *graph.value(value).constant;
  if (!is_floating(constant.type()) || element_count(constant.shape()) != 1) return std::nullopt;
  return read_number(constant.tensor(), 0);
}

inline bool is_scalar(const Graph& graph, ValueId value, double wanted, double tolerance = 1e-6) {
  const auto number = scalar_of(graph, value);
  return number && std::abs(*number - wanted) <= tolerance * std::abs(wanted);
}

/// A node's two inputs in either order: `match(first, second)` for both until it says yes.
template <class Match>
bool either_order(const Node& node, Match&& match) {
  return match(node.inputs[0], node.inputs[1]) || match(node.inputs[1], node.inputs[0]);
}

inline bool is_ranked_tensor(const Graph& graph, ValueId value) {
  const Type& type = graph.value(value).type;
  return type.is_tensor() && type.tensor.ranked;
}

inline ElementType element_of(const Graph& graph, ValueId value) {
  return graph.value(value).type.tensor.element;
}

inline const Dims& dims_of(const Graph& graph, ValueId value) {
  return graph.value(value).type.tensor.dims;
}

/// A pass that is a rewrite rule and answers "unchanged".
inline Patch unchanged() { return {}; }

}  // namespace drawbar
