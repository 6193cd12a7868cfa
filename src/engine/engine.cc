#include "drawbar/engine.h"

#include "targets/partitioned_program.h"

namespace drawbar {

std::shared_ptr<Engine> Engine::compile(GraphPtr graph, const std::string& target,
                                        const CompileOptions& options, EngineInfo info) {
  auto engine = std::make_shared<Engine>();
  for (NodeId node : graph->order()) {
    if (const auto reason = host_target().refuses(*graph, node))
      fail(ErrorCode::unsupported, "{}: {}", describe(graph->node(node)), *reason);
  }
  engine->graph_ = graph;
  engine->target_ = target;
  engine->info_ = std::move(info);
  engine->profiles_ = options.profiles;
  engine->threads_ = options.threads;
  engine->program_ = compile_for(target_named(target), std::move(graph), options);
  return engine;
}

std::shared_ptr<Engine> Engine::with_graph(const Engine& engine, GraphPtr graph) {
  auto result = std::make_shared<Engine>(engine);
  result->program_ = load_for(target_named(engine.target_), graph, engine.program_->save());
  result->graph_ = std::move(graph);
  return result;
}

namespace {

std::vector<ValueInfo> describe_values(const Graph& graph, const std::vector<ValueId>& ids,
                                       const std::vector<std::string>* names) {
  std::vector<ValueInfo> result;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Value& value = graph.value(ids[i]);
    ValueInfo info{.name = names ? (*names)[i] : value.name, .type = to_string(value.type)};
    if (value.type.is_tensor()) {
      info.element = value.type.tensor.element;
      for (const Dim& dim : value.type.tensor.dims)
        info.shape.push_back(dim.is_constant() ? dim.value() : -1);
    }
    result.push_back(std::move(info));
  }
  return result;
}

}  // namespace

std::vector<ValueInfo> Engine::inputs() const {
  return describe_values(*graph_, graph_->inputs(), nullptr);
}

std::vector<ValueInfo> Engine::outputs() const {
  return describe_values(*graph_, graph_->outputs(), &graph_->output_names());
}

}  // namespace drawbar
