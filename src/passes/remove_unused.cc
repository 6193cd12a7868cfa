#include "passes/remove_unused.h"

namespace drawbar {

void remove_unused(Graph& graph, const PassOptions&) {
  graph.remove_dead();
  graph = graph.compact();
}

}  // namespace drawbar
