#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "drawbar/session.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "precision/quantize.h"
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

inline Graph block() {
  return prepare(parse(R"(graph g(%x: f32[N, 8, 12, 12]) {
    %w1 = const f32[16, 8, 1, 1] normal(0.0, 0.4, 1)
    %b1 = const f32[16] normal(0.0, 0.5, 2)
    %c1 = Conv(%x, %w1, %b1)
    %r1 = Clip(%c1) {min = 0.0, max = 6.0}
    %w2 = const f32[16, 1, 3, 3] normal(0.0, 0.4, 3)
    %c2 = Conv(%r1, %w2) {group = 16, pads_begin = [1, 1], pads_end = [1, 1]}
    %r2 = Relu(%c2)
    %w3 = const f32[16, 16, 1, 1] normal(0.0, 0.3, 4)
    %c3 = Conv(%r2, %w3)
    %s = Add(%c3, %r1)
    %p = MaxPool(%s) {kernel = [2, 2], strides = [2, 2]}
    %w4 = const f32[8, 16, 1, 1] normal(0.0, 0.3, 5)
    %y = Conv(%p, %w4)
    return %y
  })"));
}

inline Calibration calibrated(const Graph& graph, NormalSamples& samples) {
  return calibrate(graph, samples, {});
}

}  // namespace drawbar
