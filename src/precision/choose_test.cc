#include "precision/choose.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "base/error.h"
#include "precision/bisect.h"
#include "precision/precision_testing.h"

namespace drawbar {
namespace {

TEST(ChooseLayers, PutsBackToF32WhatLosesTooMuch) {
  const Graph graph = block();
  NormalSamples samples;
  Calibration calibration = calibrated(graph, samples);
  const auto choose = [&](double most_loss) {
    return choose_layers(graph, calibration, samples, {.most_loss = most_loss});
  };
  const auto in_f32 = [](const PrecisionChoice& choice) {
    return std::count_if(choice.layers.begin(), choice.layers.end(),
                         [](const LayerChoice& layer) { return layer.in_f32; });
  };
  const PrecisionChoice any = choose(1), none = choose(0);
  ASSERT_EQ(any.layers.size(), 5U);
  EXPECT_EQ(in_f32(any), 0);
  EXPECT_GT(any.loss.output, 0);
  EXPECT_EQ(none.loss.output, 0);
  const PrecisionChoice half = choose(any.loss.output / 2);
  EXPECT_LE(half.loss.output, any.loss.output / 2);
  EXPECT_GT(in_f32(half), 0);
  for (const LayerChoice& layer : half.layers) {
    if (layer.in_f32) calibration.f32.insert(layer.name);
  }
  EXPECT_NO_THROW(quantize(graph, calibration)) << "layers are called as the calibration does";
  samples.count = 0;
  EXPECT_THROW(choose(1), Error);
}

/// The weights [M, C, 1, 1] with every number of input channel 0 so large that the others become
/// nothing on bytes, and with output channel 0 nothing.
Tensor ruined(const Tensor& weights, float number) {
  Tensor result = weights.clone();
  const int64_t inputs = weights.dim(1);
  for (int64_t i = 0; i < weights.size(); ++i) {
    if (i < inputs) {
      result.data<float>()[i] = 0;
    } else if (i % inputs == 0) {
      result.data<float>()[i] = number;
    }
  }
  return result;
}

/// Four convolutions in a row, of which those named are ruined for bytes but not for f32: what
/// their large weights multiply is 0.
Graph with_bad_layers(const std::set<std::string>& bad) {
  Graph graph = prepare(parse(R"(graph g(%x: f32[1, 8, 12, 12]) {
    %w1 = const f32[16, 8, 1, 1] normal(0.0, 0.4, 1)
    %c1 = Conv(%x, %w1)
    %r1 = Relu(%c1)
    %w2 = const f32[16, 16, 1, 1] normal(0.0, 0.3, 2)
    %c2 = Conv(%r1, %w2)
    %r2 = Relu(%c2)
    %w3 = const f32[16, 16, 1, 1] normal(0.0, 0.3, 3)
    %c3 = Conv(%r2, %w3)
    %r3 = Relu(%c3)
    %w4 = const f32[8, 16, 1, 1] normal(0.0, 0.3, 4)
    %c4 = Conv(%r3, %w4)
    return %c4
  })"));
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.op.name() != "Conv") continue;
    const Tensor& weights = graph.value(node.inputs[1]).constant->tensor();
    const bool is_bad = bad.contains(graph.value(node.outputs[0]).name);
    graph.set_input(id, 1, graph.add_constant(ruined(weights, is_bad ? 60.0f : 0.0f)));
  }
  return graph;
}

/// Without factors between channels, which would mend what is ruined.
Calibration plain_ranges(const Graph& graph, NormalSamples& samples) {
  return calibrate(graph, samples, {.migrate = false});
}

std::set<std::string> needed(const Bisection& found) {
  std::set<std::string> names;
  for (const NeededLayer& layer : found.needed) names.insert(layer.layer.name);
  return names;
}

TEST(BisectLayers, NamesTheLayersThatLose) {
  using Names = std::set<std::string>;
  for (const Names& bad : {Names{"c2"}, Names{"c3"}, Names{"c2", "c4"}, Names{"c2", "c3", "c4"}}) {
    const Graph graph = with_bad_layers(bad);
    NormalSamples samples;
    const Calibration calibration = plain_ranges(graph, samples);
    const Bisection found = bisect_layers(graph, calibration, samples, {.most_loss = 0.01});
    EXPECT_EQ(needed(found), bad);
    EXPECT_GT(found.on_bytes.output, 0.05);
    EXPECT_LE(found.chosen.output, 0.01);
    EXPECT_GT(found.chosen.output, 0) << "the others are on bytes";
    for (const NeededLayer& layer : found.needed) {
      EXPECT_GT(layer.without.output, 0.01) << layer.layer.name;
      EXPECT_GT(layer.layer.loss.output, 0.01) << layer.layer.name;
    }
    EXPECT_EQ(found.layers.size(), 4U);
    EXPECT_EQ(found.samples, 4U);
  }
}

TEST(BisectLayers, NamesNoneWhereTheLossIsAllowedAndAllWhereNoneIs) {
  const Graph graph = with_bad_layers({"c2"});
  NormalSamples samples;
  const Calibration calibration = plain_ranges(graph, samples);
  const Bisection any = bisect_layers(graph, calibration, samples, {.most_loss = 1}),
                  none = bisect_layers(graph, calibration, samples, {.most_loss = 0});
  EXPECT_TRUE(any.needed.empty());
  EXPECT_EQ(any.trials, 1U);
  EXPECT_EQ(none.needed.size(), 4U);
  EXPECT_EQ(none.chosen.output, 0);
}

/// The model's own answers.
std::vector<int64_t> answers(const Graph& graph, NormalSamples& samples) {
  Session session = untimed_session(graph);
  std::vector<int64_t> classes;
  for (size_t i = 0; i < samples.size(); ++i) {
    const Tensor scores = session.run(samples.sample(i))[0];
    const auto* first = scores.data<float>();
    classes.push_back(std::max_element(first, first + scores.size()) - first);
  }
  return classes;
}

TEST(LossMeter, CountsTheAnswersThatAreLost) {
  const Graph graph = with_bad_layers({"c2"});
  NormalSamples samples;
  samples.count = 24;
  const Calibration calibration = plain_ranges(graph, samples);
  LossOptions options{.samples = 4, .classes = answers(graph, samples)};
  const auto lost = [&] { return LossMeter(graph, calibration, samples, options).measure({}); };
  const double all = lost().accuracy;
  EXPECT_GT(all, 0.5);
  EXPECT_NEAR(all * 24, std::round(all * 24), 1e-9) << "of all samples, not of 4";
  // Where f32 is wrong, nothing is lost.
  for (int64_t& number : options.classes) number = number == 0;
  EXPECT_LE(lost().accuracy, 0);

  options.classes.back() = 8 * 12 * 12;
  EXPECT_THROW(lost(), Error);
  options.classes.pop_back();
  EXPECT_THROW(lost(), Error);
}

TEST(ChooseLayers, DecidesByAccuracyWhereThereAreClasses) {
  const Graph graph = with_bad_layers({"c2"});
  NormalSamples samples;
  samples.count = 24;
  const Calibration calibration = plain_ranges(graph, samples);
  ChoiceOptions options{.most_loss = 0.3, .loss = {.samples = 4}};
  options.loss.classes = answers(graph, samples);
  const PrecisionChoice choice = choose_layers(graph, calibration, samples, options);
  EXPECT_GT(choice.trials.front().loss.accuracy, 0.3) << "of all on bytes";
  EXPECT_LE(choice.loss.accuracy, 0.3);
  EXPECT_GT(choice.f32_ms, 0);
  EXPECT_GT(choice.byte_ms, 0);
  const auto c2 = std::find_if(choice.layers.begin(), choice.layers.end(),
                               [](const LayerChoice& layer) { return layer.name == "c2"; });
  ASSERT_NE(c2, choice.layers.end());
  EXPECT_TRUE(c2->in_f32);
}

}  // namespace
}  // namespace drawbar
