#include "cli/model.h"

#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <set>
#include <unistd.h>

#include "base/mapped_file.h"
#include "base/version.h"
#include "engine/timing_cache.h"
#include "import/importer.h"

namespace drawbar::cli {
namespace {

int64_t parse_number(std::string_view text, std::string_view what) {
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < 0) {
    fail(ErrorCode::invalid_argument, "{}: '{}' is not a number", what, text);
  }
  return value;
}

void show_progress(const std::string& what, size_t done, size_t total) {
  std::fprintf(stderr, "\r\033[K%s %zu/%zu%s", what.c_str(), done, total,
               done == total ? "\r\033[K" : "");
  std::fflush(stderr);
}

}  // namespace

std::pair<std::string, Shape> parse_shape(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos)
    fail(ErrorCode::invalid_argument, "--shape '{}': expected NAME=1x3x224x224", text);
  Shape shape;
  const std::string dims = text.substr(equals + 1);
  for (size_t at = 0; dims != "scalar" && at <= dims.size();) {
    const size_t end = std::min(dims.find('x', at), dims.size());
    shape.push_back(parse_number(std::string_view(dims).substr(at, end - at), "--shape " + text));
    at = end + 1;
  }
  return {text.substr(0, equals), shape};
}

std::vector<int> parse_threads(const std::string& text) {
  std::vector<int> result;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const int64_t value = parse_number(std::string_view(text).substr(at, end - at), "--threads");
    if (value < 1 || value > 1024)
      fail(ErrorCode::invalid_argument, "--threads: {} is not from 1 to 1024", value);
    result.push_back(static_cast<int>(value));
    at = end + 1;
  }
  return result;
}

std::vector<InputShapes> profiles_from(const Graph& graph, const std::vector<std::string>& shapes) {
  std::map<std::string, std::vector<Shape>> by_name;
  size_t count = 1;
  for (const std::string& text : shapes) {
    auto [name, shape] = parse_shape(text);
    auto& list = by_name[name];
    list.push_back(std::move(shape));
    count = std::max(count, list.size());
  }
  std::vector<InputShapes> profiles(count);
  for (size_t k = 0; k < count; ++k) {
    Bindings bindings;
    for (ValueId id : graph.inputs()) {
      const Value& value = graph.value(id);
      const auto given = by_name.find(value.name);
      if (given == by_name.end() || !value.type.is_tensor()) continue;
      const Shape& shape = given->second[std::min(k, given->second.size() - 1)];
      const TensorType& type = value.type.tensor;
      if (type.ranked && type.rank() != static_cast<int64_t>(shape.size())) {
        fail(ErrorCode::invalid_argument, "--shape {}={}: the model says {}", value.name,
             to_string(shape), to_string(type));
      }
      for (size_t axis = 0; type.ranked && axis < shape.size(); ++axis) {
        const auto symbol = type.dims[axis].symbol_name();
        if (symbol) bindings.insert_or_assign(*symbol, shape[axis]);
        if (type.dims[axis].is_constant() && type.dims[axis].value() != shape[axis]) {
          fail(ErrorCode::invalid_argument, "--shape {}={}: the model says {}", value.name,
               to_string(shape), to_string(type));
        }
      }
    }
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
      profiles[k].push_back(std::move(shape));
    }
  }
  for (const auto& [name, list] : by_name) {
    bool known = false;
    for (ValueId id : graph.inputs()) known |= graph.value(id).name == name;
    if (!known) fail(ErrorCode::invalid_argument, "--shape: the model has no input '{}'", name);
  }
  return profiles;
}

InputShapes shapes_of(const std::vector<Tensor>& inputs) {
  InputShapes shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  return shapes;
}

std::shared_ptr<Engine> compile_model(const CompileRequest& request) {
  const GraphPtr graph =
      std::make_shared<const Graph>(optimize(import_model(request.model), request.passes));
  CompileOptions options;
  if (!request.on_the_fly) options.profiles = profiles_from(*graph, request.shapes);
  options.threads =
      request.threads.empty() ? std::vector<int>{available_processors()} : request.threads;
  options.time_tactics = request.time_tactics && !request.deterministic;
  options.strict = request.strict;
  if (options.time_tactics) options.timing_cache = load_timing_cache();
  if (isatty(STDERR_FILENO)) options.progress = show_progress;
  EngineInfo info;
  info.source = std::filesystem::path(request.model).filename().string();
  info.options = request.options;
  info.built_by = "drawbar " + version();
  info.preprocess = request.preprocess;
  const MappedFile file(request.model);
  info.source_hash = hash_bytes(file.bytes()).hex();
  if (!request.deterministic) {
    const std::time_t now = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", std::gmtime(&now));
    info.built_on = processor_name() + ", " + text;
  }
  auto engine = Engine::compile(graph, request.target, options, std::move(info));
  if (options.time_tactics && !request.on_the_fly) store_timing_cache(engine->program().timings());
  return engine;
}

std::shared_ptr<Engine> open_model(const std::string& path, int threads, bool strict) {
  if (Engine::is_engine(path)) return Engine::load(path);
  CompileRequest request;
  request.model = path;
  request.threads = {threads > 0 ? threads : available_processors()};
  request.time_tactics = false;
  request.strict = strict;
  request.on_the_fly = true;
  return compile_model(request);
}

}  // namespace drawbar::cli
