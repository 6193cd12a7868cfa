#include "precision/byte_scales.h"

#include <gtest/gtest.h>

#include "passes/match.h"
#include "precision/precision_testing.h"

namespace drawbar {
namespace {

std::map<std::string, ValueId> values(const Graph& graph) {
  std::map<std::string, ValueId> values;
  for (NodeId id : graph.order()) {
    for (ValueId value : graph.node(id).outputs) values[graph.value(value).name] = value;
  }
  return values;
}

TEST(ByteScales, ResultsKeepTheirNamesAndAreCountedInTheirRanges) {
  const Graph graph = block();
  NormalSamples samples;
  const Calibration calibration = calibrated(graph, samples);
  const Graph fused = fuse(quantize(graph, calibration));
  const auto scales = byte_scales(fused);
  const auto by_name = values(fused);
  for (const char* name : {"r1", "r2", "c3", "s", "p"}) {
    ASSERT_TRUE(by_name.contains(name)) << name << "\n" << print(fused);
    const ValueId value = by_name.at(name);
    EXPECT_EQ(element_of(fused, value), ElementType::u8) << name;
    ASSERT_TRUE(scales.contains(value)) << name;
    const std::string range = std::string(name) == "p" ? "s" : name;  // a maximum has its input's
    const Range seen = calibration.ranges.at(range);
    const double scale = read_number(*constant_of(fused, scales.at(value).scale), 0);
    EXPECT_NEAR(scale * 255, std::max(seen.high, 0.0f) - std::min(seen.low, 0.0f), 1e-3) << name;
  }
  EXPECT_EQ(element_of(fused, by_name.at("y")), ElementType::f32);
  EXPECT_TRUE(byte_scales(fuse(graph)).empty());
}

TEST(ByteScales, LeavesOutWhatHasManyScalesOrNone) {
  const Graph graph = parse(R"(graph g(%x: f32[1, 2, 4, 4], %b: u8[1, 2, 4, 4]) {
    %s = const f32[2] [0.5, 0.25]
    %z = const u8[2] [0, 0]
    %q = QuantizeLinear(%x, %s, %z)
    %t = Transpose(%q) {permutation = [0, 2, 3, 1]}
    %u = Transpose(%b) {permutation = [0, 2, 3, 1]}
    return %t, %u
  })");
  EXPECT_TRUE(byte_scales(graph).empty());
}

}  // namespace
}  // namespace drawbar
