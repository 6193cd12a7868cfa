#include "passes/pass.h"

#include <algorithm>
#include <iostream>

#include "ir/text.h"

namespace drawbar {
namespace {

constexpr int most_rounds = 32;

bool is_dead(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  return std::none_of(node.outputs.begin(), node.outputs.end(),
                      [&](ValueId output) { return graph.is_used(output); });
}

/// Removes the node if nothing reads it, and then those that only it read.
void prune(Graph& graph, NodeId start) {
  std::vector<NodeId> stack = {start};
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (!graph.node(id).alive || !is_dead(graph, id)) continue;
    graph.remove_node(id);
    for (ValueId input : graph.node(id).inputs) {
      if (input != no_id && graph.value(input).producer != no_id)
        stack.push_back(graph.value(input).producer);
    }
  }
}

/// Runs the pass on every subgraph, the innermost first.
void run_on_subgraphs(Graph& graph, const Pass& pass, const PassOptions& options) {
  for (NodeId id : graph.order()) {
    for (size_t i = 0; i < graph.node(id).subgraphs.size(); ++i) {
      Graph copy = *graph.node(id).subgraphs[i];
      run_on_subgraphs(copy, pass, options);
      if (pass.rule) {
        apply_rule(copy, pass.rule);
      } else {
        pass.function(copy, options);
      }
      graph.set_subgraph(id, i, std::make_shared<const Graph>(std::move(copy)));
    }
  }
}

}  // namespace

bool apply_rule(Graph& graph, Pass::Rule rule) {
  bool changed = false;
  for (int round = 0; round < most_rounds; ++round) {
    bool again = false;
    for (NodeId id : graph.order()) {
      if (!graph.node(id).alive) continue;
      Patch patch = rule(graph, id);
      if (!patch) continue;
      const auto first_new = static_cast<NodeId>(graph.node_count());
      std::move(patch).apply(graph);
      prune(graph, id);
      for (auto fresh = static_cast<NodeId>(graph.node_count()); fresh-- > first_new;)
        prune(graph, fresh);
      again = true;
    }
    if (!again) break;
    changed = true;
    graph.remove_dead();
  }
  return changed;
}

void run_pass(Graph& graph, const Pass& pass, const PassOptions& options) {
  try {
    run_on_subgraphs(graph, pass, options);
    if (pass.rule) {
      apply_rule(graph, pass.rule);
    } else {
      pass.function(graph, options);
    }
    if (options.verify) verify(graph);
  } catch (const Error& error) {
    throw error.at("pass " + std::string(pass.name));
  }
  if (options.dump_after == pass.name || options.dump_after == "all") {
    std::ostream& out = options.dump ? *options.dump : std::cerr;
    out << "// after " << pass.name << "\n" << print(graph);
  }
}

}  // namespace drawbar
