#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "drawbar/session.h"
#include "passes/pipeline.h"
#include "precision/calibrate.h"
#include "targets/target.h"

// What tests of precision share.

namespace drawbar {

inline std::vector<float> normal_numbers(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& x : numbers) x = normal(random);
  return numbers;
}

/// Samples [1, 8, 12, 12] of normal numbers, their mean given.
struct NormalSamples : SampleSource {
  size_t count = 4;
  float poison = 0, mean = 0;
  size_t size() const override { return count; }
  std::vector<Tensor> sample(size_t i) override {
    std::vector<float> numbers = normal_numbers(8 * 12 * 12, static_cast<unsigned>(i + 1));
    for (float& x : numbers) x += mean;
    if (poison != 0) numbers[5] = poison;
    Tensor tensor = Tensor::allocate(ElementType::f32, {1, 8, 12, 12});
    std::copy(numbers.begin(), numbers.end(), tensor.data<float>());
    return {tensor};
  }
};

inline std::map<std::string, int> operators(const Graph& graph) {
  std::map<std::string, int> counts;
  for (NodeId id : graph.order()) ++counts[std::string(graph.node(id).op.name())];
  return counts;
}

/// The first output of the prepared graph for its one input.
inline std::vector<float> run(Graph graph, const Tensor& x) {
  CompileOptions options;
  options.time_tactics = false;
  const auto engine =
      Engine::compile(std::make_shared<const Graph>(fuse(std::move(graph))), "cpu", options, {});
  const Tensor y = Session(engine).run({&x, 1})[0];
  return {y.data<float>(), y.data<float>() + y.size()};
}

}  // namespace drawbar
