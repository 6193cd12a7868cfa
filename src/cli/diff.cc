#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "drawbar/session.h"

namespace drawbar::cli {
namespace {

struct Options {
  std::string a, b;
  std::vector<std::string> inputs, shapes;
  int threads = 0;
  double threshold = 0;
  bool json = false;
};

struct Difference {
  std::string name, type;
  double largest = 0;     // of |a - b|
  double relative = 0;    // largest / max |a|
  double snr = INFINITY;  // decibels of a over a - b
  bool comparable = true;
};

Difference compare(const std::string& name, const Tensor& a, const Tensor& b) {
  Difference d{name, to_string(Type::of(a))};
  d.comparable = a.has_value() && b.has_value() && a.kind() == Tensor::Kind::tensor &&
                 b.kind() == Tensor::Kind::tensor && a.shape() == b.shape() &&
                 kind(a.type()) != ElementKind::string && kind(a.type()) != ElementKind::complex &&
                 kind(b.type()) != ElementKind::string && kind(b.type()) != ElementKind::complex;
  if (!d.comparable) return d;
  double signal = 0, noise = 0, scale = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = read_number(a, i), y = read_number(b, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    const double error = x == y ? 0 : std::fabs(x - y);
    d.largest = std::isnan(error) ? INFINITY : std::max(d.largest, error);
    if (std::isfinite(x)) scale = std::max(scale, std::fabs(x));
    if (std::isfinite(x) && std::isfinite(error)) {
      signal += x * x;
      noise += error * error;
    }
  }
  d.relative = d.largest == 0 ? 0 : d.largest / std::max(scale, 1e-30);
  if (noise > 0) d.snr = 10 * std::log10(signal / noise);
  return d;
}

/// The same graph with every value named in `names` as an output.
std::shared_ptr<Engine> with_outputs(const Engine& engine,
                                     const std::map<std::string, ValueId>& values,
                                     const std::vector<std::string>& names) {
  Graph graph = engine.graph();
  for (const std::string& name : names) graph.add_output(values.at(name), name);
  return Engine::compile(std::make_shared<const Graph>(std::move(graph)), engine.target(), {});
}

std::map<std::string, ValueId> values_by_name(const Graph& graph) {
  std::map<std::string, ValueId> values;
  for (NodeId id : graph.order()) {
    for (ValueId output : graph.node(id).outputs) {
      if (graph.is_used(output) && !graph.is_output(output))
        values[graph.value(output).name] = output;
    }
  }
  return values;
}

void diff(const Options& options) {
  const auto a = open_model(options.a, options.threads), b = open_model(options.b, options.threads);
  const auto values_a = values_by_name(a->graph()), values_b = values_by_name(b->graph());
  std::vector<std::string> common;
  for (NodeId id : a->graph().order()) {
    for (ValueId output : a->graph().node(id).outputs) {
      const std::string& name = a->graph().value(output).name;
      if (values_a.contains(name) && values_b.contains(name)) common.push_back(name);
    }
  }
  const std::vector<Tensor> inputs =
      options.inputs.empty()
          ? draw_inputs(a->graph(), profiles_of(a->graph(), parse_profiles(options.shapes)).front())
          : read_inputs(a->graph(), options.inputs);
  SessionOptions session_options;
  session_options.threads = options.threads;
  Session first(with_outputs(*a, values_a, common), session_options),
      second(with_outputs(*b, values_b, common), session_options);
  const std::vector<Tensor> left = first.run(inputs), right = second.run(inputs);
  std::vector<Difference> layers, outputs;
  const size_t outputs_a = a->graph().outputs().size(), outputs_b = b->graph().outputs().size();
  for (size_t i = 0; i < common.size(); ++i)
    layers.push_back(compare(common[i], left[outputs_a + i], right[outputs_b + i]));
  for (size_t i = 0; i < outputs_a; ++i) {
    for (size_t k = 0; k < outputs_b; ++k) {
      if (a->graph().output_names()[i] == b->graph().output_names()[k])
        outputs.push_back(compare(a->graph().output_names()[i], left[i], right[k]));
    }
  }
  if (outputs.empty())
    fail(ErrorCode::invalid_argument, "the two models have no output name in common");
  double worst = 0;
  for (const Difference& d : outputs) worst = std::max(worst, d.comparable ? d.relative : INFINITY);
  if (options.json) {
    const auto list = [](const std::vector<Difference>& differences) {
      nlohmann::json result = nlohmann::json::array();
      for (const Difference& d : differences) {
        result.push_back({{"name", d.name},
                          {"type", d.type},
                          {"comparable", d.comparable},
                          {"max_difference", d.largest},
                          {"relative", d.relative},
                          {"snr_db", d.snr}});
      }
      return result;
    };
    fmt::print("{}\n",
               nlohmann::json{
                   {"layers", list(layers)}, {"outputs", list(outputs)}, {"worst_output", worst}}
                   .dump(1));
  } else {
    const auto line = [](const char* what, const Difference& d) {
      if (d.comparable) {
        fmt::print("{:<7} {:>12.3e} {:>12.3e} {:>8.1f}  {:<28} {}\n", what, d.largest, d.relative,
                   d.snr, d.type, d.name);
      } else {
        fmt::print("{:<7} {:>34}  {:<28} {}\n", what, "other shape or no numbers", d.type, d.name);
      }
    };
    fmt::print("{:<7} {:>12} {:>12} {:>8}  {:<28} {}\n", "", "max |a-b|", "/ max |a|", "SNR dB",
               "type", "value");
    for (const Difference& d : layers) line("layer", d);
    for (const Difference& d : outputs) line("output", d);
  }
  if (options.threshold > 0 && worst > options.threshold) {
    fail(ErrorCode::internal, "outputs differ by {:.3e} of the largest, more than {:.3e}", worst,
         options.threshold);
  }
}

}  // namespace

void add_diff(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diff", "Run two models on the same input and compare every layer they share");
  command->footer("Example:\n  drawbar diff model.onnx model.engine --input x=x.npy");
  command->add_option("a", options->a, "A model or an engine")->required();
  command->add_option("b", options->b, "Another one")->required();
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, once per input (drawn where none is given)")
      ->take_all();
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224 for drawn inputs")->take_all();
  command->add_option("--threads", options->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--threshold", options->threshold,
                   "Fail when an output differs by more than this share of its largest value")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "One JSON object on standard output");
  add_plugin_option(*command);
  command->callback([options] { diff(*options); });
}

}  // namespace drawbar::cli
