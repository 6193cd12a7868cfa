#include "passes/pass_testing.h"

namespace drawbar {
namespace {

const std::string kHead =
    "graph g(%x: f32[2, 3]) { %w = const i8[3, 2] [1, -2, 3, -4, 5, -6]; %wz = const i8[] [1]"
    " %ws = const f32[] [0.25]; %b = const f32[2] [1.0, -0.5]"
    " %q, %s, %z = DynamicQuantizeLinear(%x); ";
const std::string kScaled =
    "%i = MatMulInteger(%q, %w, %z, %wz); %f = Cast(%i) {to = f32}; %t = Mul(%s, %ws)"
    " %m = Mul(%f, %t); ";

void expect_fused(const std::string& before, const std::string& after) {
  expect_pass("fuse_dynamic_quantized", before, after);
}

TEST(FuseDynamicQuantized, ProductsWithTheirBias) {
  const std::string fused = kHead + "%y = QLinearMatMul(%q, %s, %z, %w, %ws, %wz, _, _";
  expect_fused(kHead + kScaled + "return %m }", fused + "); return %y as \"m\" }");
  expect_fused(kHead + kScaled + "%y = Add(%b, %m); return %y }", fused + ", %b); return %y }");
  // What others read stays.
  expect_fused(kHead + kScaled + "return %m, %i }", "unchanged");
  expect_fused(kHead + kScaled + "%y = Add(%b, %m); return %m, %y }",
               fused + "); %c = Add(%b, %y); return %y as \"m\", %c as \"y\" }");
}

TEST(FuseDynamicQuantized, ScalesByChannelAloneOrFolded) {
  const std::string head =
      "graph g(%q: u8[2, 3], %z: u8[], %s: f32[1]) { %w = const i8[3, 2] [1, -2, 3, -4, 5, -6]"
      " %c = const f32[2] [0.25, 0.5]; %i = MatMulInteger(%q, %w, %z); %f = Cast(%i) {to = f32}; ";
  const std::string fused =
      "graph g(%q: u8[2, 3], %z: u8[], %s: f32[1]) { %w = const i8[3, 2] [1, -2, 3, -4, 5, -6]"
      " %c = const f32[2] [0.25, 0.5]; %one = const f32[] [1.0]; %n = const i8[] [0]; ";
  expect_fused(head + "%t = Mul(%c, %s); %y = Mul(%t, %f); return %y }",
               fused + "%y = QLinearMatMul(%q, %s, %z, %w, %c, %n, _, _); return %y }");
  expect_fused(head + "%y = Mul(%f, %s); return %y }",
               fused + "%y = QLinearMatMul(%q, %s, %z, %w, %one, %n, _, _); return %y }");
  expect_fused(head + "%y = Mul(%f, %c); return %y }",
               fused + "%y = QLinearMatMul(%q, %one, %z, %w, %c, %n, _, _); return %y }");
  // A factor for each row is none of either.
  expect_fused(head + "%r = const f32[2, 1] [0.25, 0.5]; %y = Mul(%f, %r); return %y }",
               "unchanged");
}

TEST(FuseDynamicQuantized, BiasesInSteps) {
  expect_fused(kHead +
                   "%i = MatMulInteger(%q, %w, %z, %wz); %k = const i32[2] [7, -9]"
                   " %a = Add(%i, %k); %f = Cast(%a) {to = f32}; %t = Mul(%s, %ws)"
                   " %y = Mul(%f, %t); return %y }",
               kHead +
                   "%k = const i32[2] [7, -9]; %y = QLinearMatMul(%q, %s, %z, %w, %ws, %wz, _, _,"
                   " %k); return %y }");
}

TEST(FuseDynamicQuantized, Convolutions) {
  const std::string head =
      "graph g(%x: f32[1, 2, 5, 5]) { %w = const i8[3, 2, 1, 1] [1, -2, 3, -4, 5, -6]"
      " %ws = const f32[] [0.25]; %q, %s, %z = DynamicQuantizeLinear(%x); ";
  expect_fused(head +
                   "%i = ConvInteger(%q, %w, %z) {pads_begin = [1, 1], pads_end = [0, 0]}"
                   " %f = Cast(%i) {to = f32}; %t = Mul(%s, %ws); %m = Mul(%f, %t)"
                   " %b = const f32[1, 3, 1, 1] [1.0, 2.0, 3.0]; %y = Add(%m, %b); return %y }",
               head +
                   "%b = const f32[3] [1.0, 2.0, 3.0]; %n = const i8[] [0]"
                   " %y = QLinearConv(%q, %s, %z, %w, %ws, %n, _, _, %b) {pads_begin = [1, 1], "
                   "pads_end = [0, 0]}; return %y }");
}

TEST(FuseDynamicQuantized, NotWithWeightsAtRunTime) {
  expect_fused(
      "graph g(%q: u8[2, 3], %w: u8[3, 2], %s: f32[]) { %i = MatMulInteger(%q, %w)"
      " %f = Cast(%i) {to = f32}; %y = Mul(%f, %s); return %y }",
      "unchanged");
}

}  // namespace
}  // namespace drawbar
