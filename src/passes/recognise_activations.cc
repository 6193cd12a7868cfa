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

/// `unit` is how large the program's results are around zero, at most 1.
bool agrees_at(const ops::Program& program, const Elementwise& candidate, double x, double unit) {
  const double want = apply(candidate.function, x, 0, 0, candidate.p, candidate.q);
  const double got = evaluate(program, x);
  if (std::abs(x) > 80 && !std::isfinite(got)) return true;  // written so that it overflows there
  if (!std::isfinite(want)) return got == want;
  return std::abs(got - want) <= tolerance * std::max(unit, std::abs(want));
}

/// Compares on a fine grid around zero, at magnitudes from 1e-7 to 1e6, and on both sides of every
/// number the program holds: a bound far out (a clip at 320) is seen, and a minimum of two
/// functions that cross near zero.
bool agrees(const ops::Program& program, const Elementwise& candidate) {
  std::vector<double> points;
  for (int i = -600; i <= 600; ++i) points.push_back(i * 0.02 + (i % 3) * 0.00123);
  for (double magnitude = 1e-7; magnitude < 1e6; magnitude *= 1.7) {
    points.insert(points.end(), {magnitude, -magnitude});
  }
  for (const auto& instruction : program.instructions) {
    for (const double number : {instruction.p, instruction.q}) {
      if (!std::isfinite(number) || std::abs(number) > 1e30) continue;
      for (const double factor : {-10.0, -1.1, -0.9, 0.9, 1.1, 10.0})
        points.push_back(number * factor);
    }
  }
  double unit = 0;
  for (double x : {-8.0, -2.0, -1.0, -0.1, 0.0, 0.1, 1.0, 2.0, 8.0})
    unit = std::max(unit, std::abs(evaluate(program, x)));
  unit = std::isfinite(unit) ? std::min(unit, 1.0) : 1.0;
  return std::all_of(points.begin(), points.end(),
                     [&](double x) { return agrees_at(program, candidate, x, unit); });
}

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
  for (const Elementwise& candidate : candidates) {
    if (agrees(program, candidate)) return candidate;
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
