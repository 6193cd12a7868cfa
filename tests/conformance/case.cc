#include "tests/conformance/case.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "drawbar/session.h"
#include "import/importer.h"
#include "import/onnx/value.h"
#include "ir/evaluate_graph.h"
#include "passes/pipeline.h"
#include "targets/target.h"

namespace drawbar::conformance {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<Tensor>;

constexpr std::chrono::seconds longest_run{120};
/// Runs on an accelerator that take longer, on its emulation, are repeated once.
constexpr std::chrono::seconds longest_repeated{2};

struct Tolerance {
  double relative = 1e-3, absolute = 1e-7;

  /// The case's own, but at least the unit in the last place of bf16. Kernels that take several
  /// operators together (`fused`) do not round half-precision values in between.
  Tolerance of(ElementType type, bool fused) const {
    if (type == ElementType::bf16) {
      return {std::max(relative, fused ? 2e-2 : 0x1p-7), std::max(absolute, fused ? 1e-2 : 0)};
    }
    if (type == ElementType::f16 && fused) {
      return {std::max(relative, 2.5e-3), std::max(absolute, 1e-3)};
    }
    return *this;
  }
};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCode::internal, "{} cannot be read", path.filename().string());
  return {std::istreambuf_iterator<char>(file), {}};
}

Tolerance read_tolerance(const fs::path& folder) {
  if (!fs::exists(folder / "tolerance.json")) return {};
  const auto json = nlohmann::json::parse(read_file(folder / "tolerance.json"));
  return {json.at("rtol"), json.at("atol")};
}

Values read_values(const fs::path& folder, std::string_view stem, const std::vector<Type>& types) {
  Values values;
  for (size_t i = 0; i < types.size(); ++i) {
    const fs::path path = folder / fmt::format("{}_{}.pb", stem, i);
    if (!fs::exists(path)) break;
    values.push_back(onnx::parse_value(read_file(path), types[i].kind));
  }
  return values;
}

bool is_random(const Graph& graph) {
  for (NodeId id : graph.order()) {
    if (!graph.node(id).op.schema().deterministic) return true;
    for (const GraphPtr& subgraph : graph.node(id).subgraphs) {
      if (is_random(*subgraph)) return true;
    }
  }
  return false;
}

bool equal_element(const Tensor& got, const Tensor& want, int64_t i, const Tolerance& tolerance) {
  switch (kind(want.type())) {
    case ElementKind::string:
      return got.data<std::string>()[i] == want.data<std::string>()[i];
    case ElementKind::complex: {
      const auto read = [&](const Tensor& t) {
        return t.type() == ElementType::c128
                   ? t.data<std::complex<double>>()[i]
                   : std::complex<double>(t.data<std::complex<float>>()[i]);
      };
      return std::abs(read(got) - read(want)) <=
             tolerance.absolute + tolerance.relative * std::abs(read(want));
    }
    case ElementKind::floating: {
      const double g = read_number(got, i), w = read_number(want, i);
      if (g == w || (std::isnan(g) && std::isnan(w))) return true;
      return std::abs(g - w) <= tolerance.absolute + tolerance.relative * std::abs(w) &&
             std::isfinite(g);
    }
    default:
      return read_integer(got, i) == read_integer(want, i);
  }
}

std::string element_text(const Tensor& tensor, int64_t i) {
  if (tensor.type() == ElementType::string) return drawbar::quoted(tensor.data<std::string>()[i]);
  if (kind(tensor.type()) == ElementKind::complex) return "a complex number";
  if (is_floating(tensor.type())) return fmt::format("{}", read_number(tensor, i));
  return std::to_string(read_integer(tensor, i));
}

/// Throws INTERNAL where the value differs.
void compare(const Tensor& got, const Tensor& want, const Tolerance& tolerance, bool values,
             const std::string& what) {
  if (!want.has_value() || !got.has_value()) {
    if (got.has_value() == want.has_value()) return;
    fail(ErrorCode::internal, "{} {} a value", what, got.has_value() ? "has" : "lacks");
  }
  if (got.kind() == Tensor::Kind::tensor && want.kind() == Tensor::Kind::optional &&
      want.elements().size() == 1) {
    return compare(got, want.elements()[0], tolerance, values, what);
  }
  if (got.kind() != want.kind()) fail(ErrorCode::internal, "{} is of another kind", what);
  if (want.kind() != Tensor::Kind::tensor) {
    if (got.elements().size() != want.elements().size()) {
      fail(ErrorCode::internal, "{} has {} elements, expected {}", what, got.elements().size(),
           want.elements().size());
    }
    for (size_t i = 0; i < want.elements().size(); ++i) {
      compare(got.elements()[i], want.elements()[i], tolerance, values,
              fmt::format("{}[{}]", what, i));
    }
    return;
  }
  if (got.type() != want.type() || got.shape() != want.shape()) {
    fail(ErrorCode::internal, "{} is {} {}, expected {} {}", what, name(got.type()),
         to_string(got.shape()), name(want.type()), to_string(want.shape()));
  }
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; values && i < want.size(); ++i) {
    if (equal_element(got, want, i, tolerance)) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong) {
    fail(ErrorCode::internal, "{}: {} of {} elements differ, the first at {}: {}, expected {}",
         what, wrong, want.size(), first, element_text(got, first), element_text(want, first));
  }
}

/// The graph as it runs: by its references, or compiled and saved.
class Contender {
 public:
  Contender(Graph graph, const Mode& mode)
      : graph_(std::make_shared<const Graph>(std::move(graph))), on_host_(mode.target == "cpu") {
    if (mode.reference) return;
    CompileOptions options;
    options.time_tactics = false;
    options.wherever_it_can = true;
    const auto optimized = std::make_shared<const Graph>(optimize(*graph_));
    const auto engine = Engine::compile(optimized, mode.target, options);
    compiled_ = std::make_unique<Session>(engine, SessionOptions{.threads = 1});
    const fs::path path =
        fs::temp_directory_path() /
        fmt::format("onnx_case_{}_{}.engine", getpid(), static_cast<const void*>(this));
    try {
      engine->save(path.string());
      loaded_ = std::make_unique<Session>(Engine::load(path.string(), true),
                                          SessionOptions{.threads = 1});
    } catch (const Error& error) {
      fs::remove(path);
      throw error.at("saved engine");
    }
    fs::remove(path);
  }

  Values run(const Values& inputs) {
    if (!compiled_) {
      RunControl control;
      control.deadline = RunControl::Clock::now() + longest_run;
      bind_inputs(*graph_, inputs);
      return evaluate_graph(*graph_, inputs, control);
    }
    const auto start = RunControl::Clock::now();
    Values outputs = compiled_->run(inputs, until_longest());
    const bool is_short = RunControl::Clock::now() - start < longest_repeated;
    expect_same(outputs, loaded_->run(inputs, until_longest()), "the saved engine");
    if (on_host_) return outputs;
    // Accelerators record the second run and replay it from then on.
    expect_same(outputs, compiled_->run(inputs, until_longest()), "the second run");
    if (!is_short) return outputs;
    expect_same(outputs, compiled_->run(inputs, until_longest()), "the third run");
    const auto places = target_named(compiled_->engine().target()).device().memories();
    if (!places.empty()) run_on(places.back(), inputs, outputs);
    return outputs;
  }

  /// Steps that the accelerator runs for these inputs.
  int on_target(const Values& inputs, const std::string& target) const {
    if (!compiled_ || on_host_) return 0;
    const PlanReport report = compiled_->report(inputs);
    return static_cast<int>(std::count_if(
        report.steps.begin(), report.steps.end(),
        [&](const StepReport& step) { return step.target == target && step.op != "Copy"; }));
  }

 private:
  static RunOptions until_longest() {
    RunOptions options;
    options.deadline = RunControl::Clock::now() + longest_run;
    return options;
  }

  /// Inputs and outputs lie in an accelerator's memory, where they can: step by step, then
  /// recorded.
  void run_on(const Place& place, const Values& inputs, const Values& outputs) {
    const auto there = [&](const Tensor& value) {
      const bool can = value.has_value() && value.kind() == Tensor::Kind::tensor &&
                       value.type() != ElementType::string;
      return can ? copied_to(place, value) : value;
    };
    Values given, results;
    for (const Tensor& input : inputs) given.push_back(there(input));
    for (const Tensor& output : outputs) {
      results.push_back(there(output));
      if (!results.back().is_on_host()) clear(results.back());
    }
    std::vector<const void*> memory;
    for (const Tensor& result : results)
      memory.push_back(result.is_on_host() ? nullptr : result.raw());
    for (int run = 0; run < 2; ++run) {
      compiled_->run(given, results, until_longest());
      Values here;
      for (size_t i = 0; i < results.size(); ++i) {
        if (memory[i] && results[i].raw() != memory[i])
          fail(ErrorCode::internal, "output {} is not in the memory on {}", i, to_string(place));
        here.push_back(results[i].is_on_host() ? results[i] : copied_to({}, results[i]));
        if (memory[i]) clear(results[i]);
      }
      expect_same(outputs, here, "the run on the device's memory");
    }
  }

  static void clear(Tensor& tensor) {
    Tensor nothing = Tensor::allocate(tensor.type(), tensor.shape());
    if (nothing.bytes() > 0) std::memset(nothing.raw(), 0x5a, static_cast<size_t>(nothing.bytes()));
    copy_elements(nothing, tensor);
  }

  void expect_same(const Values& outputs, const Values& again, const char* which) const {
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!is_random(*graph_) && !outputs[i].identical(again[i]))
        fail(ErrorCode::internal, "{} gives other bytes for output {}", which, i);
    }
  }

  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<Session> compiled_, loaded_;
  bool on_host_;
};

/// Gives how many steps an accelerator ran.
int check_case(const fs::path& folder, const Mode& mode) {
  Graph graph = import_model((folder / "model.onnx").string());
  std::vector<Type> input_types, output_types;
  for (ValueId id : graph.inputs()) input_types.push_back(graph.value(id).type);
  for (ValueId id : graph.outputs()) output_types.push_back(graph.value(id).type);
  const std::vector<std::string> names = graph.output_names();
  const bool random = is_random(graph), single = graph.order().size() == 1;
  const bool composed = fs::exists(folder.string() + "_expanded");
  const Tolerance tolerance = read_tolerance(folder);
  Contender contender(std::move(graph), mode);
  size_t sets = 0;
  int on_target = 0;
  for (;; ++sets) {
    const fs::path data = folder / fmt::format("test_data_set_{}", sets);
    if (!fs::exists(data)) break;
    const Values want = read_values(data, "output", output_types);
    const Values inputs = read_values(data, "input", input_types);
    const Values got = contender.run(inputs);
    on_target = std::max(on_target, contender.on_target(inputs, mode.target));
    for (size_t i = 0; i < want.size(); ++i) {
      const bool fused = composed || (!mode.reference && !single);
      compare(got[i], want[i], tolerance.of(want[i].type(), fused), !random,
              "output '" + names[i] + "'");
    }
  }
  if (sets == 0) fail(ErrorCode::internal, "the case has no data");
  return on_target;
}

}  // namespace

Outcome run_case(const fs::path& folder, const Mode& mode) {
  try {
    const int on_target = check_case(folder, mode);
    return {true, {}, on_target};
  } catch (const Error& error) {
    std::string message = error.message();
    const std::string path = (folder / "model.onnx").string() + ": ";
    if (message.starts_with(path)) message.erase(0, path.size());
    return {false, fmt::format("{}: {}", name(error.code()), message), 0};
  } catch (const std::exception& error) {
    return {false, fmt::format("exception: {}", error.what()), 0};
  }
}

std::string category(const std::string& reason) {
  for (std::string_view known : {"unknown operators", "no reference implementation", "saved engine",
                                 "elements differ", "expected", "exception"}) {
    const size_t at = reason.find(known);
    if (at == std::string::npos) continue;
    return known == "expected" ? reason.substr(0, reason.find(':')) : std::string(known);
  }
  return reason.substr(0, reason.find(':'));
}

}  // namespace drawbar::conformance
