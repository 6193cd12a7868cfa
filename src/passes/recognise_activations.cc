#include "passes/recognise_activations.h"

#include <algorithm>
#include <array>

#include "passes/fusion.h"

namespace drawbar {
namespace {

using ops::Elementwise;
using ops::Function;

constexpr size_t most_nodes = 12;
constexpr double tolerance = 4e-6;  // constants are rounded to f32 by those who wrote the model
constexpr double far = 1e4;

double evaluate(const ops::Program& program, double x) {
  return program.evaluate(std::span<const double>(&x, 1));
}

/// A program to be compared with functions: on a fine grid around zero, at magnitudes from 1e-7 to
/// 1e6, and on both sides of every number it holds, so that a bound far out (a clip at 320) is
/// seen, and a minimum of two functions that cross near zero.
class Comparison {
 public:
  explicit Comparison(const ops::Program& program) : program_(program) {
    for (const auto& instruction : program.instructions) {
      for (const double number : {instruction.p, instruction.q}) {
        if (!std::isfinite(number) || std::abs(number) > 1e30) continue;
        for (const double factor : {-10.0, -1.1, -0.9, 0.9, 1.1, 10.0})
          own_.push_back(number * factor);
      }
    }
    for (double x : {-8.0, -2.0, -1.0, -0.1, 0.0, 0.1, 1.0, 2.0, 8.0})
      unit_ = std::max(unit_, std::abs(evaluate(program, x)));
    unit_ = std::isfinite(unit_) ? std::min(unit_, 1.0) : 1.0;
  }

  bool agrees(const Elementwise& candidate) const {
    const auto same = [&](double x) { return agrees_at(candidate, x); };
    return std::all_of(points().begin(), points().end(), same) &&
           std::all_of(own_.begin(), own_.end(), same);
  }

 private:
  /// Those of every program.
  static const std::vector<double>& points() {
    static const std::vector<double> values = [] {
      std::vector<double> list;
      for (int i = -600; i <= 600; ++i) list.push_back(i * 0.02 + (i % 3) * 0.00123);
      for (double magnitude = 1e-7; magnitude < 1e6; magnitude *= 1.7)
        list.insert(list.end(), {magnitude, -magnitude});
      return list;
    }();
    return values;
  }

  bool agrees_at(const Elementwise& candidate, double x) const {
    const double want = apply(candidate.function, x, 0, 0, candidate.p, candidate.q);
    const double got = evaluate(program_, x);
    if (std::abs(x) > 80 && !std::isfinite(got)) return true;  // written so that it overflows there
    if (!std::isfinite(want)) return got == want;
    return std::abs(got - want) <= tolerance * std::max(unit_, std::abs(want));
  }

  const ops::Program& program_;
  std::vector<double> own_;
  double unit_ = 0;  // how large the results are around zero, at most 1
};

/// What the program computes, when it is a function we have.
std::optional<Elementwise> known_function(const ops::Program& program) {
  const auto bound = [&](double x) { return static_cast<float>(evaluate(program, x)); };
  const std::array candidates = {
      Elementwise(Function::Relu),
      Elementwise(Function::Gelu),
      Elementwise(Function::GeluTanh),
      Elementwise(Function::Swish, 1.0f),
      Elementwise(Function::Swish, 1.702f),
      Elementwise(Function::HardSwish),
      Elementwise(Function::HardSigmoid, static_cast<float>(1.0 / 6.0), 0.5f),
      Elementwise(Function::HardSigmoid, 0.2f, 0.5f),
      Elementwise(Function::Sigmoid),
      Elementwise(Function::Mish),
      Elementwise(Function::Softplus),
      Elementwise(Function::Softsign),
      Elementwise(Function::LeakyRelu, -bound(-1)),
      Elementwise(Function::Clip, bound(-far), bound(far)),
  };
  const Comparison comparison(program);
  for (const Elementwise& candidate : candidates) {
    if (comparison.agrees(candidate)) return candidate;
  }
  return std::nullopt;
}

size_t functions(const ops::Program& program) {
  return static_cast<size_t>(
      std::count_if(program.instructions.begin(), program.instructions.end(),
                    [](const auto& i) { return i.function != Function::Constant; }));
}

}  // namespace

Patch recognise_activations(const Graph& graph, NodeId id) {
  const ValueId output = graph.node(id).outputs[0];
  if (!graph.node(id).op.as<Elementwise>() || element_of(graph, output) != ElementType::f32)
    return unchanged();
  auto region = as_program(graph, id);
  std::vector<NodeId> nodes = {id};
  while (region && nodes.size() <= most_nodes) {
    const ValueId source = region->inputs[0];
    if (region->inputs.size() == 1 && functions(region->program) > 1 &&
        graph.value(source).type == graph.value(output).type) {
      if (const auto known = known_function(region->program)) {
        Patch patch(graph, id);
        patch.replace(output, patch.add(*known, {source}));
        return patch;
      }
    }
    // The latest of the values that only the region reads joins it.
    std::optional<size_t> next;
    const auto maker = [&](size_t i) { return graph.value(region->inputs[i]).producer; };
    for (size_t i = 0; i < region->inputs.size(); ++i) {
      if (maker(i) == no_id || !graph.node(maker(i)).op.as<Elementwise>() ||
          !is_read_only_by(graph, region->inputs[i], nodes))
        continue;
      if (!next || comes_later(graph, maker(i), maker(*next))) next = i;
    }
    if (!next) break;
    const NodeId joining = maker(*next);
    const auto first = as_program(graph, joining);
    if (!first) break;
    nodes.push_back(joining);
    region = fuse(*first, *region, *next);
  }
  return unchanged();
}

}  // namespace drawbar
