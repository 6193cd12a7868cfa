#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

#include "base/error.h"
#include "base/threads.h"
#include "drawbar/session.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "precision/histogram.h"
#include "precision/quantize.h"
#include "targets/target.h"

namespace drawbar {
namespace {

std::vector<float> normal_numbers(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& x : numbers) x = normal(random);
  return numbers;
}

Histogram histogram_of(const std::vector<float>& numbers) {
  Histogram histogram;
  EXPECT_TRUE(histogram.widen(numbers));
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

TEST(Histogram, SeesWhatIsNotFinite) {
  for (const float x : {NAN, INFINITY, -INFINITY}) {
    Histogram histogram;
    EXPECT_FALSE(histogram.widen(std::vector<float>{1, x, 2}));
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
  const Calibration written{
      "mse", 7, {{"a/b", {-1.25f, 3}}, {"\"x\"", {0, 0.1f}}}, {{"a/b", {0.5f, -3}}}};
  write_calibration(file.path, written);
  const Calibration read = read_calibration(file.path);
  EXPECT_EQ(read.calibrator, "mse");
  EXPECT_EQ(read.samples, 7u);
  EXPECT_EQ(read.ranges, written.ranges);
  EXPECT_EQ(read.means, written.means);
}

TEST(Calibration, RefusesWhatIsNone) {
  const Scratch file;
  for (const char* text :
       {"", "{}", "[1]", R"({"calibrator":"mse","samples":1,"ranges":{"x":[2,1]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":[1]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":[0,1e99]}})",
        R"({"calibrator":"mse","samples":1,"ranges":{"x":["0",1]}})",
        R"({"calibrator":"mse","samples":-1,"ranges":3})"}) {
    std::ofstream(file.path) << text;
    EXPECT_THROW(read_calibration(file.path), Error) << text;
  }
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

Graph block() {
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

std::map<std::string, int> operators(const Graph& graph) {
  std::map<std::string, int> counts;
  for (NodeId id : graph.order()) ++counts[std::string(graph.node(id).op.name())];
  return counts;
}

std::vector<float> run(Graph graph, const Tensor& x) {
  CompileOptions options;
  options.time_tactics = false;
  const auto engine =
      Engine::compile(std::make_shared<const Graph>(fuse(std::move(graph))), "cpu", options, {});
  const Tensor y = Session(engine).run({&x, 1})[0];
  return {y.data<float>(), y.data<float>() + y.size()};
}

TEST(Quantize, RunsABlockOnIntegersNearItsF32) {
  const Graph graph = block();
  NormalSamples samples;
  const Calibration calibration =
      calibrate(graph, quantized_values(graph), samples, Calibrator::min_max, {});
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
  Calibration calibration =
      calibrate(graph, quantized_values(graph), samples, Calibrator::min_max, {});
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
  const Graph quantized =
      quantize(graph, calibrate(graph, quantized_values(graph), samples, Calibrator::min_max, {}));
  const auto found = operators(fuse(quantized));
  EXPECT_EQ(found.at("QLinearConv"), 3);
  EXPECT_EQ(found.at("QuantizeLinear"), 1) << "of the input alone";
  EXPECT_FALSE(found.contains("DequantizeLinear"));
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
  const Graph quantized =
      quantize(graph, calibrate(graph, quantized_values(graph), samples, Calibrator::min_max, {}));
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
        "%c = Conv(%h, %w, %b) {group = 64, pads_begin = [1, 1], pads_end = [1, 1]}"}) {
    const Graph graph =
        prepare(parse("graph g(%x: f32[1, 8, 12, 12]) { "
                      "%b = const f32[64] normal(0.0, 0.5, 2); " +
                      std::string(layer) +
                      "; %v = const f32[8, 64, 1, 1] normal(0.0, 0.4, 3); "
                      "%y = Conv(%c, %v); return %y }"));
    NormalSamples samples;
    samples.mean = 2;
    Calibration calibration =
        calibrate(graph, quantized_values(graph), samples, Calibrator::min_max, {});
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
  const Calibration calibration = calibrate(graph, values, samples, Calibrator::min_max, {});
  EXPECT_EQ(calibration.ranges.size(), values.size());
  const Tensor x = samples.sample(1)[0];
  const Graph named = block();
  EXPECT_EQ(run(quantize(graph, calibration), x),
            run(quantize(named, calibrate(named, values, samples, Calibrator::min_max, {})), x));
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
    EXPECT_THROW(calibrate(graph, quantized_values(graph), *samples, Calibrator::entropy, {}),
                 Error);
  }
}

}  // namespace
}  // namespace drawbar
