#include "precision/migrate.h"

#include <cmath>
#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "precision/precision_testing.h"
#include "precision/quantize.h"

namespace drawbar {
namespace {

/// 16 factors: most channels are quiet, one is loud.
const std::string loud =
    "[1.0, 0.5, 30.0, 1.0, 2.0, 0.1, 1.0, 1.5, 1.0, 0.2, 4.0, 1.0, 1.0, 0.5, 1.0, 1.0]";

/// A layer with loud channels, what `then` makes %v of its result %c, and what `reads` makes of
/// that.
Graph of_images(const std::string& then, const std::string& reads) {
  return prepare(
      parse("graph g(%x: f32[1, 8, 12, 12]) { "
            "%w = const f32[16, 8, 1, 1] normal(0.0, 0.3, 1); "
            "%b = const f32[16] normal(0.0, 0.3, 2); %p = Conv(%x, %w, %b); "
            "%l = const f32[16, 1, 1] " +
            loud + "; %c = Mul(%p, %l); " + then + "; " + reads + "; return %y }"));
}

Graph of_rows(const std::string& then, const std::string& reads) {
  return prepare(
      parse("graph g(%x: f32[1, 8, 12, 12]) { %s = const i64[2] [144, 8]; "
            "%r = Reshape(%x, %s); %w = const f32[8, 16] normal(0.0, 0.3, 1); "
            "%b = const f32[16] normal(0.0, 0.3, 2); %p = MatMul(%r, %w); "
            "%q = Add(%p, %b); %l = const f32[16] " +
            loud + "; %c = Mul(%q, %l); " + then + "; " + reads + "; return %y }"));
}

const std::string relu = "%v = Relu(%c)", clip = "%v = Clip(%c) {min = 0.0, max = 60.0}",
                  gelu = "%v = Gelu(%c)",
                  whole = "%u = const f32[8, 16, 1, 1] normal(0.0, 0.3, 3); %y = Conv(%v, %u)",
                  depthwise =
                      "%u = const f32[16, 1, 3, 3] normal(0.0, 0.3, 3); "
                      "%d = Conv(%v, %u) {group = 16}; %e = Relu(%d); "
                      "%z = const f32[8, 16, 1, 1] normal(0.0, 0.3, 4); %y = Conv(%e, %z)",
                  grouped =
                      "%u = const f32[24, 4, 3, 3] normal(0.0, 0.3, 3); "
                      "%d = Conv(%v, %u) {group = 4}; %e = Relu(%d); "
                      "%z = const f32[8, 24, 1, 1] normal(0.0, 0.3, 4); %y = Conv(%e, %z)",
                  both =
                      "%u = const f32[8, 16, 1, 1] normal(0.0, 0.3, 3); %f = Conv(%v, %u); "
                      "%z = const f32[8, 16, 1, 1] normal(0.0, 0.2, 4); %g = Conv(%v, %z); "
                      "%y = Mul(%f, %g)",
                  product = "%u = const f32[16, 8] normal(0.0, 0.3, 3); %y = MatMul(%v, %u)",
                  turned =
                      "%u = const f32[8, 16] normal(0.0, 0.3, 3); "
                      "%y = MatMul(%v, %u) {transpose_b = true}";

struct Case {
  std::string name;
  Graph graph;
  FactorPlace place;
};

std::vector<Case> cases() {
  using enum FactorPlace;
  return {{"relu", of_images(relu, whole), layer},
          {"clip", of_images(clip, whole), layer},
          {"depthwise", of_images(clip, depthwise), layer},
          {"groups", of_images(clip, grouped), layer},
          {"two readers", of_images(relu, both), layer},
          {"gelu", of_images(gelu, whole), quantisation},
          {"product", of_rows(relu, product), layer},
          {"transposed product", of_rows("%v = Clip(%c) {min = 0.0, max = 60.0}", turned), layer},
          {"gelu of products", of_rows(gelu, product), quantisation}};
}

/// The energy of the difference over that of `want`.
double loss(const std::vector<float>& want, const std::vector<float>& got) {
  double error = 0, signal = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2);
    signal += std::pow(static_cast<double>(want[i]), 2);
  }
  return error / signal;
}

ValueId named(const Graph& graph, const std::string& name) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (graph.value(id).name == name) return id;
  }
  return no_id;
}

TEST(Migrate, KeepsWhatIsComputedAndLosesLess) {
  for (const Case& c : cases()) {
    const BytePlan plan = plan_bytes(c.graph, {});
    const ValueId value = named(c.graph, "v");
    ASSERT_TRUE(plan.values.contains(value)) << c.name << print(c.graph);
    EXPECT_EQ(factor_place(c.graph, plan, value), c.place) << c.name;
    NormalSamples samples;
    const Tensor x = samples.sample(1)[0];
    const std::vector<float> want = run(c.graph, x);
    const Calibration with = calibrate(c.graph, samples, {}),
                      without = calibrate(c.graph, samples, {.migrate = false});
    ASSERT_TRUE(with.factors.contains("v")) << c.name;
    EXPECT_TRUE(without.factors.empty());
    if (c.place == FactorPlace::layer) {
      Graph moved = c.graph;
      migrate(moved, plan, value, with.factors.at("v"));
      EXPECT_LT(loss(want, run(moved, x)), 1e-10) << c.name;
    }
    const double lost = loss(want, run(quantize(c.graph, with), x)),
                 plain = loss(want, run(quantize(c.graph, without), x));
    EXPECT_LT(lost, 0.7 * plain) << c.name;
    EXPECT_GT(lost, 0) << c.name;
  }
}

TEST(Migrate, NormsStayWholeForWhatReadsF32) {
  const Graph graph =
      of_rows("%k = const f32[16] " + loud + "; %v = LayerNormalization(%c, %k)",
              "%u = const f32[16, 16] normal(0.0, 0.3, 3); %h = MatMul(%v, %u); %y = Add(%h, %v)");
  NormalSamples samples;
  const Graph quantized = quantize(graph, calibrate(graph, samples, {}));
  const auto found = operators(fuse(quantized));
  EXPECT_EQ(found.at("QLinearMatMul"), 2);
  EXPECT_EQ(found.at("QuantizeLinear"), 2) << "of the input and of the norm";
  EXPECT_FALSE(found.contains("DequantizeLinear")) << "the sum reads the norm as it is";
}

TEST(Migrate, HasNoPlaceWhereBytesAreAdded) {
  const Graph graph = of_images(
      relu,
      "%u = const f32[16, 16, 1, 1] normal(0.0, 0.3, 3); %h = Conv(%v, %u); "
      "%a = Add(%h, %v); %z = const f32[8, 16, 1, 1] normal(0.0, 0.3, 4); %y = Conv(%a, %z)");
  const BytePlan plan = plan_bytes(graph, {});
  EXPECT_EQ(factor_place(graph, plan, named(graph, "v")), FactorPlace::nowhere);
  NormalSamples samples;
  Calibration calibration = calibrate(graph, samples, {});
  EXPECT_FALSE(calibration.factors.contains("v"));
  calibration.factors["v"] = std::vector<float>(16, 2);
  EXPECT_THROW(quantize(graph, calibration), Error);
}

TEST(Migrate, RefusesFactorsThatDoNotFit) {
  const Graph graph = of_images(clip, whole);
  NormalSamples samples;
  const Calibration calibration = calibrate(graph, samples, {});
  for (const std::vector<float>& factors :
       {std::vector<float>(15, 0.5f), std::vector<float>(17, 0.5f), std::vector<float>(16, 1.5f),
        std::vector<float>(16, 1e-38f)}) {
    Calibration edited = calibration;
    edited.factors["v"] = factors;
    EXPECT_THROW(quantize(graph, edited), Error) << factors.size() << " of " << factors[0];
  }
}

TEST(Migrate, LayersKeptInF32GetFactorsToo) {
  for (const Case& c : cases()) {
    NormalSamples samples;
    Calibration calibration = calibrate(c.graph, samples, {});
    const Tensor x = samples.sample(1)[0];
    const std::vector<float> want = run(c.graph, x);
    for (const auto& [node, name] : quantized_layers(c.graph)) {
      calibration.f32 = {name};
      EXPECT_LT(loss(want, run(quantize(c.graph, calibration), x)), 3e-3) << c.name << ", " << name;
    }
  }
}

}  // namespace
}  // namespace drawbar
