#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "ir/rewrite.h"

namespace drawbar {

struct PassOptions {
  /// Bytes of new constants that one run of constant folding may compute.
  int64_t fold_budget = int64_t{256} << 20;
  std::vector<std::string> disabled;  // passes that are left out
  std::string dump_after;             // prints the graph after this pass ("all": after each)
  std::ostream* dump = nullptr;       // where to; null: standard error
#ifdef DRAWBAR_VERIFY
  bool verify = true;
#else
  bool verify = false;
#endif
};

/// A pass is a rewrite rule, tried on every node until none changes anything, or a function of the
/// whole graph. Either sees one graph; the driver goes into subgraphs.
struct Pass {
  using Rule = Patch (*)(const Graph&, NodeId);
  using Function = void (*)(Graph&, const PassOptions&);

  std::string_view name;
  Rule rule = nullptr;
  Function function = nullptr;

  constexpr Pass(std::string_view n, Rule r) : name(n), rule(r) {}
  constexpr Pass(std::string_view n, Function f) : name(n), function(f) {}
};

/// Tries the rule on every node in execution order, again and again until nothing changes (in all
/// at most 32 rounds). Nodes that lose their last reader disappear at once, so that rules may count
/// readers. True when something changed.
bool apply_rule(Graph& graph, Pass::Rule rule);

/// Runs one pass on a graph and its subgraphs, then verifies and dumps as the options say. Throws
/// what inference of new nodes throws, naming the pass.
void run_pass(Graph& graph, const Pass& pass, const PassOptions& options);

}  // namespace drawbar
