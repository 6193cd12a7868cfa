#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/constant.h"
#include "ir/op.h"

namespace drawbar {

using ValueId = uint32_t;
using NodeId = uint32_t;
inline constexpr uint32_t no_id = ~0u;

struct Use {
  NodeId node;
  uint32_t input;
  bool operator==(const Use&) const = default;
};

/// A value of the SSA graph: a graph input, a constant, or the output of one node.
struct Value {
  std::string name;
  Type type;
  NodeId producer = no_id;
  uint32_t output = 0;          // which of the producer's outputs
  ConstantPtr constant;         // of a constant
  std::optional<Dims> content;  // symbolic contents of a small integer tensor
  std::vector<Use> uses;

  bool is_constant() const { return constant != nullptr; }
};

/// What inference may know of a value.
Infer::Input infer_input(const Value& value);

struct Node {
  std::string name;
  Op op;
  std::vector<ValueId> inputs;   // no_id: an absent optional input
  std::vector<ValueId> outputs;  // every one exists, used or not
  std::vector<std::shared_ptr<const Graph>> subgraphs;
  int64_t rank = 0;  // nodes are ordered by it wherever data flow leaves a choice
  bool alive = true;
};

/// A graph of typed values. Ids stay valid until `compact`. Subgraphs name everything they read as
/// inputs; nothing is captured. Copies share constants and subgraphs. Not thread-safe while
/// changed.
class Graph {
 public:
  std::string name = "main";

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<std::string>& output_names() const { return output_names_; }
  const Value& value(ValueId id) const { return values_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  size_t value_count() const { return values_.size(); }
  size_t node_count() const { return nodes_.size(); }  // dead ones included

  ValueId add_input(std::string name, Type type);
  ValueId add_constant(ConstantPtr constant, std::string name = {});
  ValueId add_constant(Tensor tensor, std::string name = {}) {
    return add_constant(std::make_shared<const Constant>(std::move(tensor)), std::move(name));
  }
  /// Appends a node and infers its outputs' types. Throws INVALID_MODEL naming the node.
  NodeId add_node(Op op, std::vector<ValueId> inputs, size_t outputs = 1, std::string name = {},
                  std::vector<std::shared_ptr<const Graph>> subgraphs = {}, int64_t rank = -1);
  /// The same with the outputs' names given: fresh symbols are spelt after them.
  NodeId add_named_node(Op op, std::vector<ValueId> inputs,
                        const std::vector<std::string>& output_names, std::string name = {},
                        std::vector<std::shared_ptr<const Graph>> subgraphs = {});
  void add_output(ValueId value, std::string name);

  void set_type(ValueId value, Type type) { values_[value].type = std::move(type); }
  void set_value_name(ValueId value, std::string name) { values_[value].name = std::move(name); }
  void set_node_name(NodeId node, std::string name) { nodes_[node].name = std::move(name); }
  void set_content(ValueId value, Dims content) { values_[value].content = std::move(content); }
  void set_subgraph(NodeId node, size_t i, std::shared_ptr<const Graph> graph) {
    nodes_[node].subgraphs[i] = std::move(graph);
  }
  void set_input(NodeId node, size_t i, ValueId value);  // one that was left out, too
  /// Every reader of `from`, outputs included, reads `to` instead.
  void replace_value(ValueId from, ValueId to);
  void remove_node(NodeId node);  // its outputs must be unused
  bool is_output(ValueId value) const;
  bool is_used(ValueId value) const { return !values_[value].uses.empty() || is_output(value); }

  /// The living nodes that outputs need, in execution order.
  std::vector<NodeId> order() const;
  /// Removes what no output needs; returns how many nodes went.
  size_t remove_dead();
  /// The same graph without dead nodes and values, numbered in execution order.
  Graph compact() const;
  /// Infers all types again, with symbols bound to numbers and inputs' types as given (none: kept).
  /// Throws INVALID_MODEL when a type contradicts itself.
  Graph specialize(const Bindings& bindings, const std::vector<Type>& input_types = {}) const;

  /// Upper bounds of the symbols that stand for sizes that depend on data.
  const std::map<std::string, Dim>& symbol_bounds() const { return symbol_bounds_; }
  void set_symbol_bound(std::string symbol, Dim bound);

  /// Infers one node's outputs anew from its inputs' types.
  void infer_node(NodeId node);
  std::vector<Infer::Input> infer_inputs(const std::vector<ValueId>& inputs) const;

 private:
  friend class Patch;
  struct Copier;
  NodeId append_node(Node node, const std::vector<std::string>& output_names);  // without inferring
  ValueId new_value(std::string name, Type type);

  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<std::string> output_names_;
  std::map<std::string, Dim> symbol_bounds_;
};

using GraphPtr = std::shared_ptr<const Graph>;

/// "node 'layer3.0.conv2' (Conv)", for messages.
std::string describe(const Node& node);

}  // namespace drawbar
