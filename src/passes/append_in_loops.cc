#include "passes/append_in_loops.h"

#include <algorithm>

#include "ops/concat/op.h"
#include "ops/control_flow/op.h"
#include "passes/match.h"
#include "passes/subgraph.h"

namespace drawbar {
namespace {

/// The concatenation along the first axis that makes the body's output from its input and does
/// nothing else with either, or null.
const Node* appending(const Graph& body, ValueId input, ValueId output) {
  const auto* concat = producer_as<ops::Concat>(body, output);
  if (!concat || !has_one_reader(body, input) || !body.value(output).uses.empty()) return nullptr;
  const auto& outputs = body.outputs();
  if (std::count(outputs.begin(), outputs.end(), output) != 1) return nullptr;
  const Node& node = producer(body, output);
  if (node.inputs.size() < 2 || node.inputs[0] != input || !is_ranked_tensor(body, output))
    return nullptr;
  const auto rank = body.value(output).type.tensor.rank();
  return concat->axis == 0 || concat->axis == -rank ? &node : nullptr;
}

/// The body gives what is behind the first input of the concatenation instead.
void give_pieces(Graph& body, ValueId output, const Node& concat) {
  const std::vector<ValueId> pieces(concat.inputs.begin() + 1, concat.inputs.end());
  ValueId piece = pieces[0];
  if (pieces.size() > 1) {
    const NodeId joined = body.add_node(Op(concat.op), pieces, 1, concat.name);
    piece = body.node(joined).outputs[0];
  }
  body.replace_value(output, piece);
}

Patch append(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* loop = node.op.as<ops::Loop>();
  if (!loop || node.subgraphs.size() != 1) return unchanged();
  const auto carried = static_cast<size_t>(loop->carried);
  const auto first_read = 2 + carried + static_cast<size_t>(loop->appended);
  Graph body = *node.subgraphs[0];
  const std::vector<ValueId> results = body.outputs();
  std::vector<size_t> kept, appended;  // of the carried values
  for (size_t i = 0; i < carried; ++i) {
    const ValueId output = results[1 + i];
    const Node* concat = appending(body, body.inputs()[2 + i], output);
    (concat && node.inputs[2 + i] != no_id ? appended : kept).push_back(i);
    if (appended.empty() || appended.back() != i) continue;
    give_pieces(body, output, Node(*concat));
  }
  if (appended.empty()) return unchanged();

  // The appended ones stand behind those that are appended to already.
  Interface interface;
  std::vector<ValueId> inputs = {node.inputs[0], node.inputs[1]};
  std::vector<size_t> order = kept;
  for (size_t i : kept) inputs.push_back(node.inputs[2 + i]);
  for (size_t i = 2 + carried; i < first_read; ++i) {
    inputs.push_back(node.inputs[i]);
    order.push_back(i - 2);
  }
  for (size_t i : appended) {
    inputs.push_back(node.inputs[2 + i]);
    order.push_back(i);
    interface.dropped.insert(2 + i);
  }
  for (size_t i = first_read - 2; i < node.outputs.size(); ++i) order.push_back(i);
  inputs.insert(inputs.end(), node.inputs.begin() + static_cast<ptrdiff_t>(first_read),
                node.inputs.end());
  interface.outputs.push_back(0);
  for (size_t i : order) interface.outputs.push_back(1 + i);

  Patch patch(graph, id);
  const auto shorter = std::make_shared<const Graph>(with_interface(body, interface));
  const auto outputs =
      patch.add_all(ops::Loop{.carried = static_cast<int64_t>(kept.size()),
                              .appended = loop->appended + static_cast<int64_t>(appended.size()),
                              .empty_stacks = loop->empty_stacks},
                    inputs, node.outputs.size(), node.name, {shorter});
  for (size_t i = 0; i < outputs.size(); ++i) patch.replace(node.outputs[order[i]], outputs[i]);
  return patch;
}

}  // namespace

void append_in_loops(Graph& graph, const PassOptions&) {
  // The appended outputs' sizes are other symbols than the carried values' were.
  if (apply_rule(graph, append)) graph = graph.specialize({});
}

}  // namespace drawbar
