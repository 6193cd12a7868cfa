#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "base/half_tensor.h"
#include "base/threads.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "precision/channel_statistics.h"
#include "precision/half_weights.h"
#include "precision/histogram.h"
#include "precision/precision_testing.h"
#include "precision/quantize.h"
#include "targets/target.h"

namespace drawbar {
namespace {

Histogram histogram_of(const std::vector<float>& numbers) {
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  Histogram histogram({*low, *high});
  histogram.count(numbers);
  return histogram;
}

TEST(Histogram, LeavesAnOutlierOutExceptForMinMax) {
  std::vector<float> numbers = normal_numbers(200'000);
  numbers.push_back(40);
  const Histogram histogram = histogram_of(numbers);
  EXPECT_EQ(histogram.range(Calibrator::min_max).high, 40);
  for (const Calibrator calibrator :
       {Calibrator::percentile, Calibrator::mse, Calibrator::entropy}) {
    const Range range = histogram.range(calibrator);
    // One number of 40 weighs as much in squares as all others at a tenth of the step.
    EXPECT_LT(range.high, calibrator == Calibrator::percentile ? 10 : 38) << name(calibrator);
    EXPECT_GT(range.high, 2) << name(calibrator);
    EXPECT_LT(range.low, -2) << name(calibrator);
  }
}

TEST(Histogram, IsNotMisledByTheZerosBehindAnActivation) {
  std::vector<float> numbers = normal_numbers(100'000);
  for (float& x : numbers) x = std::clamp(x * 2 - 1, 0.0f, 6.0f);
  const Histogram histogram = histogram_of(numbers);
  for (const Calibrator calibrator :
       {Calibrator::min_max, Calibrator::percentile, Calibrator::mse, Calibrator::entropy}) {
    const Range range = histogram.range(calibrator);
    EXPECT_EQ(range.low, 0) << name(calibrator);
    EXPECT_GT(range.high, 4) << name(calibrator);
  }
}

TEST(ChannelStatistics, SeesWhatIsNotFinite) {
  for (const float x : {NAN, INFINITY, -INFINITY}) {
    ChannelStatistics seen;
    EXPECT_FALSE(seen.add(Tensor::from<float>({1, 3}, {1, x, 2})));
  }
}

TEST(Histogram, HoldsZeroWhateverWasSeen) {
  for (const Calibrator calibrator :
       {Calibrator::min_max, Calibrator::percentile, Calibrator::mse, Calibrator::entropy}) {
    const Range above = histogram_of({3, 4, 5}).range(calibrator),
                below = histogram_of({-3, -4, -5}).range(calibrator),
                nothing = histogram_of({0, 0}).range(calibrator);
    EXPECT_EQ(above.low, 0);
    EXPECT_EQ(below.high, 0);
    EXPECT_EQ(nothing, (Range{0, 0}));
  }
}

/// A file of this test's own that goes when the test ends.
struct Scratch {
  std::string path = (std::filesystem::temp_directory_path() /
                      ("drawbar_calibration_" + std::to_string(::getpid())))
                         .string();
  ~Scratch() { std::filesystem::remove(path); }
};

TEST(Calibration, ReadsWhatItWrites) {
  const Scratch file;
  const Calibration written{"mse",
                            7,
                            {{"a/b", {-1.25f, 3}}, {"\"x\"", {0, 0.1f}}},
                            {{"a/b", {0.5f, -3}}},
                            {{"a/b", {0.25f, 1}}},
                            {"c"}};
  write_calibration(file.path, written);
  const Calibration read = read_calibration(file.path);
  EXPECT_EQ(read.calibrator, "mse");
  EXPECT_EQ(read.samples, 7u);
  EXPECT_EQ(read.ranges, written.ranges);
  EXPECT_EQ(read.means, written.means);
  EXPECT_EQ(read.factors, written.factors);
  EXPECT_EQ(read.f32, written.f32);
}

TEST(Calibration, SymmetricRangesHaveZeroInTheMiddleOrAtTheEnd) {
  const Range wide = spread({-3, 1}, Activations::symmetric);
  EXPECT_NEAR(-wide.low / scale_of(wide), 128, 1e-4);
  EXPECT_NEAR(wide.low, -3, 1e-5f);
  EXPECT_NEAR(spread({-1, 3}, Activations::symmetric).low, -3 * 128 / 127.0f, 1e-5f);
  const Range again = spread(wide, Activations::symmetric);
  EXPECT_NEAR(again.low, wide.low, 1e-5f);
  EXPECT_NEAR(again.high, wide.high, 1e-5f);
  EXPECT_EQ(spread({0, 4}, Activations::symmetric), (Range{0, 4}));
  EXPECT_EQ(spread({1, 4}, Activations::asymmetric), (Range{0, 4}));
  const Range largest = spread({-3e38f, 3.4e38f}, Activations::symmetric);
  EXPECT_TRUE(std::isfinite(largest.low) && std::isfinite(scale_of(largest)));
}

TEST(Calibration, RefusesWhatIsNone) {
  const Scratch file;
  for (const char* text :
       {"", "{}", "[1]", R"({"calibrator":"mse","samples":1,"ranges":{"x":[2,1]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":[1]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":[0,1e99]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":["0",1]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{},"factors":{"x":[1,0]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{},"factors":{"x":[1,1e-45]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{},"factors":{"x":"much"}})",
        R"({"calibrator":"mse","samples":-1,"ranges":3})"}) {
    std::ofstream(file.path) << text;
    EXPECT_THROW(read_calibration(file.path), Error) << text;
  }
}

Graph in_bytes(const Graph& graph, NormalSamples& samples) {
  return quantize(graph, calibrated(graph, samples));
}

TEST(Quantize, RunsABlockOnIntegersNearItsF32) {
  const Graph graph = block();
  NormalSamples samples;
  const Calibration calibration = calibrated(graph, samples);
  const Graph quantized = quantize(graph, calibration);
  const auto found = operators(fuse(quantized));
  EXPECT_EQ(found.at("QLinearConv"), 4) << "the last one gives f32";
  EXPECT_EQ(found.at("QLinearAdd"), 1);
  EXPECT_EQ(found.at("QuantizeLinear"), 1) << "of the input alone";
  EXPECT_FALSE(found.contains("Clip"));

  const Tensor x = samples.sample(1)[0];
  const std::vector<float> want = run(graph, x), got = run(quantized, x);
  double error = 0, signal = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - want[i], 2);
    signal += std::pow(static_cast<double>(want[i]), 2);
  }
  EXPECT_LT(error, signal * 1e-3);
  EXPECT_GT(error, 0) << "nothing was quantised";
}

TEST(Quantize, KeepsLayersAndSumsInF32) {
  const Graph graph = block();
  NormalSamples samples;
  Calibration calibration = calibrated(graph, samples);
  std::vector<std::string> layers;
  for (const auto& [node, name] : quantized_layers(graph)) layers.push_back(name);
  ASSERT_EQ(layers.size(), 5U) << "four convolutions and a sum";
  for (const std::string& layer : layers) {
    calibration.f32 = {layer};
    const auto found = operators(fuse(quantize(graph, calibration)));
    const int sums = found.contains("QLinearAdd") ? 1 : 0;
    EXPECT_LT(sums + found.at("QLinearConv"), 5) << layer;
    if (layer == "s") {
      EXPECT_EQ(found.at("QLinearConv"), 4) << "they give it f32";
    }
  }
  calibration.f32 = {layers.begin(), layers.end()};
  EXPECT_FALSE(operators(fuse(quantize(graph, calibration))).contains("QLinearConv"));
  calibration.f32 = {"no such layer"};
  EXPECT_THROW(quantize(graph, calibration), Error);
}

TEST(Quantize, GivesPartsTheRangeOfTheirConcatenation) {
  const Graph graph = prepare(parse(R"(graph g(%x: f32[1, 8, 12, 12]) {
    %w1 = const f32[16, 8, 1, 1] normal(0.0, 0.4, 1)
    %c1 = Conv(%x, %w1)
    %r1 = Relu(%c1)
    %w2 = const f32[24, 8, 1, 1] normal(0.0, 2.0, 2)
    %c2 = Conv(%x, %w2)
    %r2 = Relu(%c2)
    %c = Concat(%r1, %r2) {axis = 1}
    %m = MaxPool(%c) {kernel = [2, 2]}
    %w3 = const f32[8, 40, 1, 1] normal(0.0, 0.4, 3)
    %y = Conv(%m, %w3)
    return %y
  })"));
  NormalSamples samples;
  const Graph quantized = in_bytes(graph, samples);
  const auto found = operators(fuse(quantized));
  EXPECT_EQ(found.at("QLinearConv"), 3);
  EXPECT_EQ(found.at("QuantizeLinear"), 1) << "of the input alone";
  EXPECT_FALSE(found.contains("DequantizeLinear"));
}

TEST(Quantize, KeepsAveragesInBytes) {
  const Graph graph = prepare(parse(R"(graph g(%x: f32[1, 8, 12, 12]) {
    %w1 = const f32[16, 8, 1, 1] normal(0.0, 0.4, 1)
    %c1 = Conv(%x, %w1)
    %a = AveragePool(%c1) {kernel = [3, 3], strides = [2, 2]}
    %m = MaxPool(%c1) {kernel = [3, 3], strides = [2, 2]}
    %s = Add(%a, %m)
    %w2 = const f32[8, 16, 1, 1] normal(0.0, 0.4, 2)
    %c2 = Conv(%s, %w2)
    %g = GlobalAveragePool(%c2)
    %y = Mul(%g, %g)
    return %y
  })"));
  NormalSamples samples;
  const Graph quantized = in_bytes(graph, samples);
  const auto found = operators(fuse(quantized));
  EXPECT_EQ(found.at("QLinearAveragePool"), 2);
  EXPECT_EQ(found.at("QLinearAdd"), 1);
  EXPECT_EQ(found.at("QLinearConv"), 2);
  EXPECT_EQ(found.at("QuantizeLinear"), 1) << "of the input alone";
  EXPECT_FALSE(found.contains("DequantizeLinear")) << "the last average gives f32";
  const Tensor x = samples.sample(1)[0];
  const std::vector<float> want = run(graph, x), got = run(quantized, x);
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_NEAR(got[i], want[i], 0.03f + 0.01f * std::fabs(want[i]));
}

TEST(Quantize, KeepsAChannelThatIsNearlyAllBias) {
  const Graph graph = prepare(parse(R"(graph g(%x: f32[1, 8, 12, 12]) {
    %w1 = const f32[16, 8, 1, 1] normal(0.0, 0.00000000001, 1)
    %b1 = const f32[16] normal(3.0, 0.5, 2)
    %c1 = Conv(%x, %w1, %b1)
    %w2 = const f32[8, 16, 1, 1] normal(0.0, 0.4, 3)
    %y = Conv(%c1, %w2)
    return %y
  })"));
  NormalSamples samples;
  const Graph quantized = in_bytes(graph, samples);
  EXPECT_EQ(operators(fuse(quantized)).at("QLinearConv"), 2);
  const Tensor x = samples.sample(0)[0];
  const std::vector<float> want = run(graph, x), got = run(quantized, x);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 0.1f);
}

/// The largest difference of a channel's mean over all samples.
float mean_error(const Graph& graph, const Graph& quantized, NormalSamples& samples) {
  std::map<size_t, float> errors;
  for (size_t i = 0; i < samples.size(); ++i) {
    const Tensor x = samples.sample(i)[0];
    const std::vector<float> want = run(graph, x), got = run(quantized, x);
    for (size_t k = 0; k < want.size(); ++k) errors[k / 144] += (got[k] - want[k]) / 144;
  }
  float worst = 0;
  for (const auto& [channel, error] : errors) worst = std::max(worst, std::fabs(error));
  return worst / static_cast<float>(samples.size());
}

TEST(Quantize, CorrectsTheBiasForWhatRoundingTheWeightsTakes) {
  for (const char* layer :
       {"%w = const f32[64, 8, 3, 3] normal(0.0, 0.4, 1); %c = Conv(%x, %w, %b) "
        "{pads_begin = [1, 1], pads_end = [1, 1]}",
        "%i = const f32[64, 8, 1, 1] normal(0.0, 0.4, 4); %j = const f32[64] normal(0.0, 0.1, 5); "
        "%h = Conv(%x, %i, %j); %w = const f32[64, 1, 3, 3] normal(0.0, 0.4, 1); "
        "%c = Conv(%h, %w, %b) {group = 64, pads_begin = [1, 1], pads_end = [1, 1]}",
        "%w = const f32[64, 2, 3, 3] normal(0.0, 0.4, 1); "
        "%c = Conv(%x, %w, %b) {group = 4, pads_begin = [1, 1], pads_end = [1, 1]}"}) {
    const Graph graph =
        prepare(parse("graph g(%x: f32[1, 8, 12, 12]) { "
                      "%b = const f32[64] normal(0.0, 0.5, 2); " +
                      std::string(layer) +
                      "; %v = const f32[8, 64, 1, 1] normal(0.0, 0.4, 3); "
                      "%y = Conv(%c, %v); return %y }"));
    NormalSamples samples;
    samples.mean = 2;
    Calibration calibration = calibrated(graph, samples);
    const float corrected = mean_error(graph, quantize(graph, calibration), samples);
    calibration.means.clear();
    const float plain = mean_error(graph, quantize(graph, calibration), samples);
    EXPECT_LT(corrected, 0.7f * plain) << layer;
  }
}

TEST(Calibrate, TellsValuesWithoutNamesApart) {
  Graph graph = block();
  const std::vector<ValueId> values = quantized_values(graph);
  for (size_t i = 1; i < values.size(); ++i) graph.set_value_name(values[i], i % 2 ? "" : "same");
  NormalSamples samples;
  const Calibration calibration = calibrate(graph, samples, {});
  EXPECT_EQ(calibration.ranges.size(), values.size());
  const Tensor x = samples.sample(1)[0];
  const Graph named = block();
  EXPECT_EQ(run(quantize(graph, calibration), x),
            run(quantize(named, calibrate(named, samples, {})), x));
}

TEST(Quantize, NamesTheValueThatHasNoRange) {
  const Graph graph = block();
  try {
    quantize(graph, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("no range for value '"), std::string::npos);
  }
}

TEST(Calibrate, RefusesWhatIsNotFiniteAndNoSamples) {
  const Graph graph = block();
  NormalSamples poisoned, none;
  poisoned.poison = NAN;
  none.count = 0;
  for (NormalSamples* samples : {&poisoned, &none}) {
    EXPECT_THROW(calibrate(graph, *samples, {.calibrator = Calibrator::entropy}), Error);
  }
}

/// The element types of all constants that nodes read, those of subgraphs too.
void count_constants(const Graph& graph, std::map<ElementType, int>& counts) {
  for (NodeId id : graph.order()) {
    for (ValueId input : graph.node(id).inputs) {
      if (input != no_id && graph.value(input).is_constant())
        ++counts[graph.value(input).type.tensor.element];
    }
    for (const auto& inner : graph.node(id).subgraphs) count_constants(*inner, counts);
  }
}

std::map<ElementType, int> constants(const Graph& graph) {
  std::map<ElementType, int> counts;
  count_constants(graph, counts);
  return counts;
}

/// The graph in f32 with the numbers of large constants that halves have.
Graph rounded(Graph graph, ElementType half) {
  for (NodeId id : graph.order()) {
    const Node node = graph.node(id);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_id || !graph.value(node.inputs[i]).is_constant()) continue;
      const Tensor& whole = graph.value(node.inputs[i]).constant->tensor();
      if (whole.type() != ElementType::f32 || whole.size() < 1024) continue;
      graph.set_input(id, i, graph.add_constant(to_f32(to_half(whole, half).value()), ""));
    }
    for (size_t i = 0; i < node.subgraphs.size(); ++i) {
      graph.set_subgraph(id, i, std::make_shared<const Graph>(rounded(*node.subgraphs[i], half)));
    }
  }
  return graph;
}

Tensor normal_tensor(const Shape& shape) {
  Tensor tensor = Tensor::allocate(ElementType::f32, shape);
  const std::vector<float> numbers = normal_numbers(static_cast<size_t>(tensor.size()));
  std::copy(numbers.begin(), numbers.end(), tensor.data<float>());
  return tensor;
}

/// Holds that store_half makes `halves` constants of the graph halves, leaves `wide` in f32, and
/// that its answers are those of the rounded numbers in f32, but not those of the graph.
void expect_stored(const std::string& text, const Tensor& x, int halves, int wide) {
  const Graph graph = prepare(parse(text));
  const std::vector<float> plain = run(graph, x);
  for (const ElementType half : {ElementType::f16, ElementType::bf16}) {
    const Graph stored = store_half(graph, half);
    verify(stored);
    const auto counts = constants(stored);
    const auto of = [&](ElementType type) { return counts.contains(type) ? counts.at(type) : 0; };
    EXPECT_EQ(of(half), halves) << print(stored);
    EXPECT_EQ(of(ElementType::f32), wide) << print(stored);
    const std::vector<float> got = run(stored, x), want = run(rounded(graph, half), x);
    ASSERT_EQ(got.size(), want.size());
    float largest = 0;
    for (const float y : want) largest = std::max(largest, std::fabs(y));
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-4f * largest) << i;
    EXPECT_NE(got, plain) << "nothing was rounded";
  }
}

TEST(StoreHalf, WeightsOfProductsConvolutionsAndCells) {
  expect_stored(R"(graph g(%x: f32[5, 64]) {
    %w = const f32[64, 48] normal(0.0, 0.3, 1)
    %b = const f32[48] normal(0.0, 0.3, 2)
    %h = MatMul(%x, %w, %b)
    %v = const f32[48, 13] normal(0.0, 0.3, 3)
    %y = MatMul(%h, %v)
    return %y
  })",
                normal_tensor({5, 64}), 1, 2);  // %v has 624 numbers
  expect_stored(R"(graph g(%x: f32[1, 8, 12, 12]) {
    %w = const f32[32, 8, 3, 3] normal(0.0, 0.3, 1)
    %y = Conv(%x, %w)
    return %y
  })",
                normal_tensor({1, 8, 12, 12}), 1, 0);
  expect_stored(R"(graph g(%x: f32[3, 2, 24]) {
    %w = const f32[1, 96, 24] normal(0.0, 0.3, 1)
    %r = const f32[1, 96, 24] normal(0.0, 0.3, 2)
    %y, %h, %c = LSTM(%x, %w, %r)
    return %y
  })",
                normal_tensor({3, 2, 24}), 2, 0);
}

TEST(StoreHalf, TablesOfGatheredRows) {
  Tensor rows = Tensor::allocate(ElementType::i64, {3});
  for (const int64_t i : {0, 1, 2}) rows.data<int64_t>()[i] = 7 * i;
  const std::string text = R"(graph g(%x: i64[3]) {
    %t = const f32[40, 32] normal(0.0, 1.0, 1)
    %y = Gather(%t, %x)
    return %y as "rows"
  })";
  expect_stored(text, rows, 1, 0);
  const Graph stored = store_half(prepare(parse(text)), ElementType::bf16);
  EXPECT_EQ(operators(stored), (std::map<std::string, int>{{"Cast", 1}, {"Gather", 1}}));
  EXPECT_NE(print(stored).find("as \"rows\""), std::string::npos);
}

TEST(StoreHalf, WeightsInSubgraphs) {
  expect_stored(R"(graph g(%x: f32[2, 40]) {
    %n = const i64[] [3]
    %y = Loop(%n, _, %x) {carried = 1}
      graph body(%i: i64[], %c: bool[], %a: f32[2, 40]) {
        %w = const f32[40, 40] normal(0.0, 0.2, 1)
        %m = MatMul(%a, %w)
        %r = Relu(%m)
        return %c, %r
      }
    return %y
  })",
                normal_tensor({2, 40}), 1, 0);
}

TEST(StoreHalf, NumbersBeyondF16StayF32) {
  const Graph graph = prepare(parse(R"(graph g(%x: f32[5, 32]) {
    %w = const f32[32, 32] normal(0.0, 60000.0, 1)
    %y = MatMul(%x, %w)
    return %y
  })"));
  const auto of = [](ElementType type) { return std::map<ElementType, int>{{type, 1}}; };
  EXPECT_EQ(constants(store_half(graph, ElementType::f16)), of(ElementType::f32));
  EXPECT_EQ(constants(store_half(graph, ElementType::bf16)), of(ElementType::bf16));
}

}  // namespace
}  // namespace drawbar
