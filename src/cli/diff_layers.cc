#include <algorithm>
#include <map>

#include "base/error.h"
#include "cli/diff_report.h"
#include "ops/quantize/op.h"
#include "precision/byte_scales.h"
#include "targets/target.h"

namespace drawbar::cli {
namespace {

/// A name that `Graph` and `Patch` give: "v" and a number.
bool is_made_up(const std::string& name) {
  return name.size() > 1 && name[0] == 'v' &&
         name.find_first_not_of("0123456789", 1) == std::string::npos;
}

/// The values between inputs and outputs.
std::map<std::string, ValueId> values_by_name(const Graph& graph, bool made_up) {
  std::map<std::string, ValueId> values;
  for (NodeId id : graph.order()) {
    for (ValueId output : graph.node(id).outputs) {
      const std::string& name = graph.value(output).name;
      if (graph.is_used(output) && !graph.is_output(output) && (made_up || !is_made_up(name)))
        values[name] = output;
    }
  }
  return values;
}

/// The same graph with these values as outputs behind its own, bytes dequantised.
Session with_outputs(const Engine& engine, const std::vector<ValueId>& values, int threads) {
  Graph graph = engine.graph();
  const auto scales = byte_scales(graph);
  for (ValueId value : values) {
    ValueId shown = value;
    if (const auto scale = scales.find(value); scale != scales.end()) {
      const NodeId node =
          graph.add_node(ops::DequantizeLinear{}, {value, scale->second.scale, scale->second.zero});
      shown = graph.node(node).outputs[0];
    }
    graph.add_output(shown, graph.value(value).name);
  }
  return Session(
      Engine::compile(std::make_shared<const Graph>(std::move(graph)), engine.target(), {}),
      {.threads = threads});
}

bool is_numeric(const Tensor& tensor) {
  return tensor.has_value() && tensor.kind() == Tensor::Kind::tensor &&
         kind(tensor.type()) != ElementKind::string && kind(tensor.type()) != ElementKind::complex;
}

/// The sums that a Difference is made of.
struct Sums {
  double signal = 0, noise = 0, product = 0, other = 0, scale = 0, largest = 0;
  bool broken = false;  // a number where there is none in the other

  void add(const Tensor& a, const Tensor& b) {
    for (int64_t i = 0; i < a.size(); ++i) {
      const double x = read_number(a, i), y = read_number(b, i);
      if (x == y || (std::isnan(x) && std::isnan(y))) {
        if (!std::isfinite(x)) continue;
      } else if (!std::isfinite(x) || !std::isfinite(y)) {
        broken = true;
        continue;
      }
      const double error = std::fabs(x - y);
      largest = std::max(largest, error);
      scale = std::max(scale, std::fabs(x));
      signal += x * x;
      noise += error * error;
      product += x * y;
      other += y * y;
    }
  }

  void tell(Difference& d) const {
    d.largest = broken ? INFINITY : largest;
    d.relative = d.largest == 0 ? 0 : d.largest / std::max(scale, 1e-30);
    d.noise = broken ? INFINITY : noise == 0 ? 0 : noise / std::max(signal, 1e-30);
    const double lengths = std::sqrt(signal) * std::sqrt(other);
    d.cosine = lengths > 0 ? std::min(product / lengths, 1.0) : signal == other ? 1 : 0;
  }
};

/// A value of a and its partner.
struct Pair {
  ValueId a, b;
  size_t output_a, output_b;  // of the sessions
};

/// Where b's inputs are among a's.
std::vector<size_t> places_of_inputs(const Graph& a, const Graph& b) {
  std::vector<size_t> places;
  for (ValueId wanted : b.inputs()) {
    const std::string& name = b.value(wanted).name;
    const auto found = std::find_if(a.inputs().begin(), a.inputs().end(),
                                    [&](ValueId id) { return a.value(id).name == name; });
    if (found == a.inputs().end()) {
      std::string names;
      for (ValueId id : a.inputs()) names += (names.empty() ? "" : ", ") + a.value(id).name;
      fail(
          ErrorCode::invalid_argument,
          "the second model has an input '{}', the first has {}: they are no versions of one model",
          name, names);
    }
    places.push_back(static_cast<size_t>(found - a.inputs().begin()));
  }
  return places;
}

/// What each value's noise is above the noise that reaches it.
void tell_added(const Graph& graph, const std::vector<Pair>& pairs,
                std::vector<Difference>& differences) {
  std::map<ValueId, Difference*> compared;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (differences[i].comparable) compared[pairs[i].a] = &differences[i];
  }
  std::map<ValueId, double> noise;
  for (NodeId id : graph.order()) {
    double before = 0;
    for (ValueId input : graph.node(id).inputs) {
      const auto found = noise.find(input);
      if (found != noise.end()) before = std::max(before, found->second);
    }
    for (ValueId output : graph.node(id).outputs) {
      const auto found = compared.find(output);
      noise[output] = found == compared.end() ? before : found->second->noise;
      if (found != compared.end() && noise[output] > before)
        found->second->added = noise[output] - before;
    }
  }
}

/// The dimensions that count: a line may have become an image one line high.
Shape without_ones(const Tensor& tensor) {
  Shape shape = tensor.shape();
  std::erase(shape, 1);
  return shape;
}

}  // namespace

void compare_layers(DiffReport& report, const Engine& a, const Engine& b, SampleSource& samples,
                    int threads, const Progress& progress) {
  const bool made_up = report.precision_a == report.precision_b;
  const Graph &graph_a = a.graph(), &graph_b = b.graph();
  const std::vector<size_t> places = places_of_inputs(graph_a, graph_b);
  const auto values_a = values_by_name(graph_a, made_up),
             values_b = values_by_name(graph_b, made_up);
  std::vector<Pair> pairs;
  std::vector<ValueId> shown_a, shown_b;
  const auto add = [&](Pair pair, const std::string& name, bool is_output) {
    const NodeId producer = graph_b.value(pair.b).producer;
    const std::string op = producer == no_id ? "" : std::string(graph_b.node(producer).op.name());
    pairs.push_back(pair);
    report.values.push_back({.name = name, .op = op, .is_output = is_output});
  };
  const size_t outputs_a = graph_a.outputs().size(), outputs_b = graph_b.outputs().size();
  for (NodeId id : graph_a.order()) {
    for (ValueId value : graph_a.node(id).outputs) {
      const std::string& name = graph_a.value(value).name;
      const auto own = values_a.find(name), other = values_b.find(name);
      if (own == values_a.end() || own->second != value || other == values_b.end()) continue;
      add({value, other->second, outputs_a + shown_a.size(), outputs_b + shown_b.size()}, name,
          false);
      shown_a.push_back(value);
      shown_b.push_back(other->second);
    }
  }
  const size_t layers = pairs.size();
  for (size_t i = 0; i < outputs_a; ++i) {
    for (size_t k = 0; k < outputs_b; ++k) {
      if (graph_a.output_names()[i] == graph_b.output_names()[k])
        add({graph_a.outputs()[i], graph_b.outputs()[k], i, k}, graph_a.output_names()[i], true);
    }
  }
  if (pairs.size() == layers)
    fail(ErrorCode::invalid_argument, "the two models have no output name in common");
  Session first = with_outputs(a, shown_a, threads), second = with_outputs(b, shown_b, threads);
  std::vector<Sums> sums(pairs.size());
  report.count = samples.size();
  for (size_t s = 0; s < samples.size(); ++s) {
    if (progress) progress("comparing", s, samples.size());
    const std::vector<Tensor> inputs = samples.sample(s);
    std::vector<Tensor> inputs_b;
    for (size_t place : places) inputs_b.push_back(inputs[place]);
    const std::vector<Tensor> left = first.run(inputs), right = second.run(inputs_b);
    for (size_t i = 0; i < pairs.size(); ++i) {
      const Tensor &x = left[pairs[i].output_a], &y = right[pairs[i].output_b];
      Difference& d = report.values[i];
      if (s == 0) d.type = to_string(Type::of(x));
      d.comparable &= is_numeric(x) && is_numeric(y) && without_ones(x) == without_ones(y);
      if (d.comparable) sums[i].add(x, y);
    }
  }
  if (progress) progress("comparing", samples.size(), samples.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (report.values[i].comparable) sums[i].tell(report.values[i]);
  }
  tell_added(graph_a, pairs, report.values);
}

}  // namespace drawbar::cli
