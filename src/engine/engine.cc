#include "engine/engine.h"

namespace drawbar {

std::shared_ptr<Engine> Engine::compile(GraphPtr graph, const std::string& target,
                                        const CompileOptions& options, EngineInfo info) {
  auto engine = std::make_shared<Engine>();
  const Target& device = target_named(target);
  for (NodeId node : graph->order()) {
    if (const auto reason = device.refuses(*graph, node)) {
      fail(ErrorCode::unsupported, "target {}: {}: {}", target, describe(graph->node(node)),
           *reason);
    }
  }
  engine->graph_ = graph;
  engine->target_ = target;
  engine->info_ = std::move(info);
  engine->profiles_ = options.profiles;
  engine->threads_ = options.threads;
  engine->program_ = device.compile(std::move(graph), options);
  return engine;
}

}  // namespace drawbar
