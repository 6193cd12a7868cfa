#include "engine/compile.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>

#include "base/mapped_file.h"
#include "base/version.h"
#include "engine/strip.h"
#include "engine/timing_cache.h"
#include "import/importer.h"
#include "passes/pipeline.h"

namespace drawbar {
namespace {

/// Binds the symbols of an input's type to the sizes of its shape.
void bind(const Value& value, const Shape& shape, Bindings& bindings) {
  const TensorType& type = value.type.tensor;
  const auto refuse = [&] {
    fail(ErrorCode::invalid_argument, "shape {} of input '{}': the model says {}", to_string(shape),
         value.name, to_string(type));
  };
  if (!type.ranked) return;
  if (type.rank() != static_cast<int64_t>(shape.size())) refuse();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (const auto symbol = type.dims[axis].symbol_name())
      bindings.insert_or_assign(*symbol, shape[axis]);
    if (type.dims[axis].is_constant() && type.dims[axis].value() != shape[axis]) refuse();
  }
}

InputShapes profile_of(const Graph& graph, const std::map<std::string, Shape>& shapes) {
  Bindings bindings;
  for (ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto given = shapes.find(value.name);
    if (given != shapes.end() && value.type.is_tensor()) bind(value, given->second, bindings);
  }
  for (const auto& entry : shapes) {
    const std::string& name = entry.first;
    if (std::none_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](ValueId id) { return graph.value(id).name == name; })) {
      fail(ErrorCode::invalid_argument, "the model has no input '{}'", name);
    }
  }
  InputShapes profile;
  for (ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    Shape shape;
    if (value.type.is_tensor()) {
      for (const Dim& dim : value.type.tensor.dims) {
        std::set<std::string> symbols;
        dim.collect_symbols(symbols);
        for (const std::string& symbol : symbols) bindings.emplace(symbol, 1);
        shape.push_back(*dim.evaluate(bindings));
      }
    }
    profile.push_back(std::move(shape));
  }
  return profile;
}

EngineInfo info_of(const CompileRequest& request) {
  EngineInfo info;
  info.source = std::filesystem::path(request.model).filename().string();
  info.options = request.options;
  info.built_by = "drawbar " + version();
  info.preprocess = request.preprocess;
  const MappedFile file(request.model);
  info.source_hash = hash_bytes(file.bytes()).hex();
  if (request.deterministic) return info;
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::tm utc{};
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &utc));
  info.built_on = processor_name() + ", " + text;
  return info;
}

Graph optimised_graph(const std::string& model, const CompileSteps& steps) {
  Graph prepared = prepare(import_model(model), steps.passes);
  if (steps.rewrite) prepared = steps.rewrite(std::move(prepared));
  return fuse(std::move(prepared), steps.passes);
}

}  // namespace

std::vector<InputShapes> profiles_of(const Graph& graph,
                                     const std::vector<std::map<std::string, Shape>>& shapes) {
  if (shapes.empty()) return {profile_of(graph, {})};
  std::vector<InputShapes> profiles;
  for (const auto& each : shapes) profiles.push_back(profile_of(graph, each));
  return profiles;
}

std::shared_ptr<Engine> compile_model(const CompileRequest& request, const CompileSteps& steps) {
  for (int threads : request.threads) {
    if (threads < 1 || threads > 1024)
      fail(ErrorCode::invalid_argument, "threads: {} is not from 1 to 1024", threads);
  }
  const bool tf32 = steps.precision == "tf32";
  if (tf32 && request.target == host_target().name()) {
    fail(ErrorCode::invalid_argument,
         "precision tf32 is of GPUs' matrix units: expected target cuda, found {}", request.target);
  }
  if (tf32 && request.strict) {
    fail(ErrorCode::invalid_argument,
         "precision tf32 rounds the factors of products, which strict does not allow");
  }
  Graph optimised = optimised_graph(request.model, steps);
  if (request.strip_weights) optimised = strip_weights(std::move(optimised));
  const GraphPtr graph = std::make_shared<const Graph>(std::move(optimised));
  CompileOptions options;
  if (!request.on_the_fly) options.profiles = profiles_of(*graph, request.profiles);
  options.threads =
      request.threads.empty() ? std::vector<int>{available_processors()} : request.threads;
  options.time_tactics = request.time_tactics && !request.deterministic;
  options.strict = request.strict;
  options.smallest = request.smallest || request.strip_weights;
  options.wherever_it_can = request.wherever_it_can;
  if (steps.precision == "fp16") options.half = ElementType::f16;
  if (steps.precision == "bf16") options.half = ElementType::bf16;
  options.tf32 = tf32;
  options.architectures = request.architectures;
  if (options.time_tactics) options.timing_cache = load_timing_cache();
  options.progress = request.progress;
  EngineInfo info = info_of(request);
  info.precision = steps.precision;
  auto engine = Engine::compile(graph, request.target, options, std::move(info));
  if (options.time_tactics && !request.on_the_fly) store_timing_cache(engine->program().timings());
  return engine;
}

std::shared_ptr<Engine> compile_model(const CompileRequest& request) {
  return compile_model(request, CompileSteps{});
}

std::shared_ptr<Engine> refit_engine(const Engine& stripped, const std::string& model,
                                     const CompileSteps& steps) {
  return Engine::with_graph(stripped,
                            std::make_shared<const Graph>(
                                refit(stripped.graph(), optimised_graph(model, steps).compact())));
}

std::shared_ptr<Engine> open_model(const std::string& path, int threads, bool strict,
                                   const std::string& target) {
  if (Engine::is_engine(path)) return Engine::load(path);
  CompileRequest request;
  request.model = path;
  request.threads = {threads > 0 ? threads : available_processors()};
  request.time_tactics = false;
  request.strict = strict;
  request.target = target;
  request.on_the_fly = true;
  return compile_model(request);
}

}  // namespace drawbar
