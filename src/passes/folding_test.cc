#include "passes/pass_testing.h"

namespace drawbar {
namespace {

const char* const statistics =
    " %s = const f32[4] [1, 2, -0.5, 1]; %b = const f32[4] [0.5, 0, 1, -1]"
    " %m = const f32[4] [0.1, 0.2, 0.3, 0.4]; %v = const f32[4] [1, 0.5, 2, 0.25] ";

std::string with_statistics(const std::string& input, const std::string& rest) {
  return "graph g(%x: " + input + ") {" + statistics + rest + " }";
}

TEST(FoldBatchNorm, IntoTheConvolution) {
  expect_pass("fold_batch_norm",
              with_statistics("f32[N, 3, 5, 5]",
                              "%w = const f32[4, 3, 3, 3] normal(0.0, 0.3, 1)"
                              " %c = const f32[4] [1, 2, 3, 4]; %y = Conv(%x, %w, %c)"
                              " %z = BatchNorm(%y, %s, %b, %m, %v); return %z"),
              "graph g(%x: f32[N, 3, 5, 5]) { %w = const f32[4, 3, 3, 3] fill(0.0, 0.0, 0)"
              " %b = const f32[4] [0, 0, 0, 0]; %z = Conv(%x, %w, %b); return %z }");
}

TEST(FoldBatchNorm, IntoGroupsWithoutBias) {
  expect_pass("fold_batch_norm",
              with_statistics("f32[1, 4, 6]",
                              "%w = const f32[4, 1, 3] normal(0.0, 0.3, 1)"
                              " %y = Conv(%x, %w) {group = 4}"
                              " %z = BatchNorm(%y, %s, %b, %m, %v) {epsilon = 0.01}; return %z"),
              "graph g(%x: f32[1, 4, 6]) { %w = const f32[4, 1, 3] fill(0.0, 0.0, 0)"
              " %b = const f32[4] [0, 0, 0, 0]; %z = Conv(%x, %w, %b) {group = 4}; return %z }");
}

TEST(FoldBatchNorm, IntoTheTransposedConvolution) {
  expect_pass("fold_batch_norm",
              with_statistics("f32[1, 6, 5]",
                              "%w = const f32[6, 2, 3] normal(0.0, 0.3, 1)"
                              " %y = ConvTranspose(%x, %w) {group = 2}"
                              " %z = BatchNorm(%y, %s, %b, %m, %v); return %z"),
              "graph g(%x: f32[1, 6, 5]) { %w = const f32[6, 2, 3] fill(0.0, 0.0, 0)"
              " %b = const f32[4] [0, 0, 0, 0]; %z = ConvTranspose(%x, %w, %b) {group = 2}"
              " return %z }");
}

TEST(FoldBatchNorm, IntoTheProduct) {
  expect_pass("fold_batch_norm",
              with_statistics("f32[N, 3]",
                              "%w = const f32[4, 3] normal(0.0, 0.3, 1)"
                              " %y = MatMul(%x, %w) {transpose_b = true}"
                              " %z = BatchNorm(%y, %s, %b, %m, %v); return %z"),
              "graph g(%x: f32[N, 3]) { %w = const f32[4, 3] fill(0.0, 0.0, 0)"
              " %b = const f32[4] [0, 0, 0, 0]; %z = MatMul(%x, %w, %b) {transpose_b = true}"
              " return %z }");
}

TEST(FoldBatchNorm, AFactorAndATermWhereNothingTakesIt) {
  expect_pass(
      "fold_batch_norm",
      with_statistics("f32[N, 4, 5]", "%z = BatchNorm(%x, %s, %b, %m, %v); return %z"),
      "graph g(%x: f32[N, 4, 5]) { %s = const f32[4, 1] [0, 0, 0, 0]"
      " %b = const f32[4, 1] [0, 0, 0, 0]; %p = Mul(%x, %s); %z = Add(%p, %b); return %z }");
}

TEST(FoldBatchNorm, KeepsAConvolutionThatHasAnotherReader) {
  expect_pass("fold_batch_norm",
              with_statistics("f32[1, 3, 5]",
                              "%w = const f32[4, 3, 3] normal(0.0, 0.3, 1); %y = Conv(%x, %w)"
                              " %z = BatchNorm(%y, %s, %b, %m, %v); return %z, %y"),
              "graph g(%x: f32[1, 3, 5]) { %w = const f32[4, 3, 3] fill(0.0, 0.0, 0)"
              " %s = const f32[4, 1] [0, 0, 0, 0]; %b = const f32[4, 1] [0, 0, 0, 0]"
              " %y = Conv(%x, %w); %p = Mul(%y, %s); %z = Add(%p, %b); return %z, %y }");
}

TEST(FoldBatchNorm, StatisticsMustBeConstant) {
  expect_pass("fold_batch_norm",
              "graph g(%x: f32[2, 3], %s: f32[3], %b: f32[3], %m: f32[3], %v: f32[3]) {"
              " %v2 = Mul(%v, %v); %z = BatchNorm(%x, %s, %b, %m, %v2); return %z }",
              "unchanged");
}

TEST(FoldAffine, IntoTheConvolution) {
  expect_pass("fold_affine",
              "graph g(%x: f32[1, 3, 5, 5]) { %w = const f32[4, 3, 1, 1] normal(0.0, 0.3, 1)"
              " %s = const f32[4, 1, 1] [1, 2, 3, 4]; %t = const f32[1, 4, 1, 1] [1, 2, 3, 4]"
              " %h = const f32[] [0.5]; %y = Conv(%x, %w); %a = Mul(%s, %y); %b = Sub(%a, %t)"
              " %c = Div(%b, %h); %d = Sub(%h, %c); return %d }",
              "graph g(%x: f32[1, 3, 5, 5]) { %w = const f32[4, 3, 1, 1] fill(0.0, 0.0, 1)"
              " %b = const f32[4] [1, 2, 3, 4]; %y = Conv(%x, %w, %b); return %y as \"d\" }");
}

TEST(FoldAffine, NotAcrossOtherShapes) {
  expect_pass("fold_affine",
              "graph g(%x: f32[1, 3, 5, 4]) { %w = const f32[4, 3, 1, 1] normal(0.0, 0.3, 1)"
              " %s = const f32[4] [1, 2, 3, 4]; %y = Conv(%x, %w); %a = Mul(%s, %y); return %a }",
              "unchanged");
  expect_pass("fold_affine",
              "graph g(%x: f32[1, 3, 5, 4], %s: f32[4, 1, 1]) {"
              " %w = const f32[4, 3, 1, 1] normal(0.0, 0.3, 1)"
              " %y = Conv(%x, %w); %a = Mul(%s, %y); return %a }",
              "unchanged");
}

TEST(FoldAffine, TheProductsAlphaAndBias) {
  expect_pass("fold_affine",
              "graph g(%x: f32[B, 2, 3], %k: f32[B, 3, 4], %r: f32[4]) { %h = const f32[1] [0.5]"
              " %y = MatMul(%x, %k); %a = Mul(%y, %h); %b = Add(%r, %a); return %b }",
              "graph g(%x: f32[B, 2, 3], %k: f32[B, 3, 4], %r: f32[4]) {"
              " %y = MatMul(%x, %k, %r) {alpha = 0.5}; return %y as \"b\" }");
  expect_pass("fold_affine",
              "graph g(%x: f32[2, 3], %k: f32[3, 4], %r: f32[2, 4]) {"
              " %y = MatMul(%x, %k); %b = Add(%r, %y); return %b }",
              "unchanged");
}

TEST(FoldInputScale, IntoWeightsAndAlpha) {
  expect_pass(
      "fold_input_scale",
      "graph g(%x: f32[1, 4, 5, 5]) { %w = const f32[6, 2, 3, 3] normal(0.0, 0.3, 1)"
      " %s = const f32[4, 1, 1] [1, 2, 3, 4]; %a = Div(%x, %s)"
      " %y = Conv(%a, %w) {group = 2, pads_begin = [1, 1], pads_end = [1, 1]}; return %y }",
      "graph g(%x: f32[1, 4, 5, 5]) { %w = const f32[6, 2, 3, 3] fill(0.0, 0.0, 1)"
      " %y = Conv(%x, %w) {group = 2, pads_begin = [1, 1], pads_end = [1, 1]}; return %y }");
  expect_pass("fold_input_scale",
              "graph g(%q: f32[2, 3], %k: f32[3, 4]) { %c = const f32[] [8]; %d = const f32[] [0.5]"
              " %a = Div(%q, %c); %b = Mul(%d, %k); %y = MatMul(%a, %b); return %y }",
              "graph g(%q: f32[2, 3], %k: f32[3, 4]) { %y = MatMul(%q, %k) {alpha = 0.0625}"
              " return %y }");
  expect_pass("fold_input_scale",
              "graph g(%q: f32[2, 3], %k: f32[3, 4]) { %c = const f32[] [8]"
              " %a = Div(%q, %c); %y = MatMul(%a, %k); return %y, %a }",
              "unchanged");
}

}  // namespace
}  // namespace drawbar
