#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/model.h"
#include "import/importer.h"
#include "ir/text.h"

namespace drawbar::cli {
namespace {

using Json = nlohmann::json;

struct Options {
  std::string model;
  bool json = false, operators = false, text = false, verify = false;
};

void count_operators(const Graph& graph, std::map<std::string, int>& counts) {
  for (NodeId id : graph.order()) {
    ++counts[std::string(graph.node(id).op.name())];
    for (const GraphPtr& subgraph : graph.node(id).subgraphs) count_operators(*subgraph, counts);
  }
}

int64_t constant_bytes(const Graph& graph) {
  int64_t total = 0;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const ConstantPtr& constant = graph.value(id).constant;
    if (constant && !graph.value(id).uses.empty())
      total +=
          storage_bytes(constant->type(),
                        Type(constant->type(), to_dims(constant->shape())).tensor.size().value());
  }
  return total;
}

Json plan_json(const PlanReport& plan) {
  Json steps = Json::array();
  for (const StepReport& step : plan.steps) {
    steps.push_back({{"node", step.node},
                     {"op", step.op},
                     {"tactic", step.tactic},
                     {"shapes", step.shapes},
                     {"operations", step.operations},
                     {"bytes", step.bytes}});
    if (!step.target.empty()) steps.back()["target"] = step.target;
  }
  Json left = Json::array();
  for (const LeftToHost& node : plan.left_behind)
    left.push_back({{"node", node.node}, {"op", node.op}, {"reason", node.reason}});
  return {{"inputs", plan.shapes},
          {"threads", plan.threads},
          {"arena_bytes", plan.arena_bytes},
          {"packed_bytes", plan.packed_bytes},
          {"steps", steps},
          {"left_to_processors", left}};
}

std::vector<PlanReport> plans_of(const Engine& engine) {
  std::vector<PlanReport> plans = engine.program().inspect();
  if (!plans.empty()) return plans;
  for (int threads : engine.threads()) {
    for (const InputShapes& shapes : engine.profiles()) {
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < shapes.size(); ++i) {
        const Type& type = engine.graph().value(engine.graph().inputs()[i]).type;
        inputs.push_back(type.is_tensor() ? Tensor::allocate(type.tensor.element, shapes[i])
                                          : Tensor());
      }
      plans.push_back(engine.program().instantiate(inputs, threads)->report());
    }
  }
  return plans;
}

void inspect_engine(const Options& options) {
  const auto engine = Engine::load(options.model, options.verify);
  const EngineInfo& info = engine->info();
  const std::vector<PlanReport> plans = plans_of(*engine);
  if (options.json) {
    Json json = {{"kind", "engine"},
                 {"target", engine->target()},
                 {"precision", info.precision},
                 {"source", info.source},
                 {"source_hash", info.source_hash},
                 {"options", info.options},
                 {"built_by", info.built_by},
                 {"built_on", info.built_on},
                 {"preprocess", info.preprocess},
                 {"weight_bytes", constant_bytes(engine->graph())},
                 {"plans", Json::array()}};
    for (const PlanReport& plan : plans) json["plans"].push_back(plan_json(plan));
    fmt::print("{}\n", json.dump(1));
    return;
  }
  fmt::print("{}: engine for {}, {}\n", options.model, engine->target(), info.precision);
  fmt::print("  from        {} ({})\n  options     {}\n  built       by {}{}\n", info.source,
             info.source_hash.substr(0, 16), info.options, info.built_by,
             info.built_on.empty() ? ", deterministic" : " on " + info.built_on);
  if (!info.preprocess.empty()) fmt::print("  images      {}\n", info.preprocess);
  fmt::print("  weights     {:.1f} MiB\n",
             static_cast<double>(constant_bytes(engine->graph())) / (1 << 20));
  for (const PlanReport& plan : plans) {
    fmt::print(
        "\nplan for {}, {} thread{}: {} steps, arena {:.1f} MiB, packed weights {:.1f} MiB\n",
        plan.shapes, plan.threads, plan.threads == 1 ? "" : "s", plan.steps.size(),
        static_cast<double>(plan.arena_bytes) / (1 << 20),
        static_cast<double>(plan.packed_bytes) / (1 << 20));
    for (const StepReport& step : plan.steps) {
      fmt::print("  {}{:<20} {:<34} {}  {}\n",
                 step.target.empty() ? "" : fmt::format("{:<5}", step.target), step.op, step.tactic,
                 step.shapes, step.node);
    }
    for (const LeftToHost& node : plan.left_behind)
      fmt::print("  left to the processors: {} {}: {}\n", node.op, node.node, node.reason);
  }
}

void inspect_model(const Options& options) {
  const Graph graph = import_model(options.model);
  std::map<std::string, int> counts;
  count_operators(graph, counts);
  if (options.json) {
    Json json = {{"kind", "model"},          {"name", graph.name},
                 {"operators", counts},      {"weight_bytes", constant_bytes(graph)},
                 {"inputs", Json::object()}, {"outputs", Json::object()}};
    for (ValueId id : graph.inputs())
      json["inputs"][graph.value(id).name] = to_string(graph.value(id).type);
    for (size_t i = 0; i < graph.outputs().size(); ++i)
      json["outputs"][graph.output_names()[i]] = to_string(graph.value(graph.outputs()[i]).type);
    fmt::print("{}\n", json.dump(1));
    return;
  }
  fmt::print("{}: {} nodes, {:.1f} MiB of weights\n", options.model, graph.order().size(),
             static_cast<double>(constant_bytes(graph)) / (1 << 20));
  for (ValueId id : graph.inputs())
    fmt::print("  input   {}: {}\n", graph.value(id).name, to_string(graph.value(id).type));
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    fmt::print("  output  {}: {}\n", graph.output_names()[i],
               to_string(graph.value(graph.outputs()[i]).type));
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [op, count] : sorted) fmt::print("  {:>6} {}\n", count, op);
}

void inspect(const Options& options) {
  if (options.operators) {
    for (const OperatorCount& op : model_operators(options.model))
      fmt::print("{:>6} {}{}\n", op.count, op.name, op.known ? "" : "  (unknown)");
  } else if (options.text) {
    fmt::print("{}", print(Engine::is_engine(options.model)
                               ? Engine::load(options.model, options.verify)->graph()
                               : import_model(options.model)));
  } else if (Engine::is_engine(options.model)) {
    inspect_engine(options);
  } else {
    inspect_model(options);
  }
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("inspect", "Explain a model or an engine");
  command->footer("Example:\n  drawbar inspect resnet50.engine");
  command->add_option("model", options->model, "A model or an engine")->required();
  command->add_flag("--operators", options->operators,
                    "Count the operators as the model file spells them, unknown ones too");
  command->add_flag("--text", options->text, "Print the graph in its text form");
  command->add_flag("--verify", options->verify,
                    "Check every section of an engine against its hash");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  add_plugin_option(*command);
  command->callback([options] { inspect(*options); });
}

}  // namespace drawbar::cli
