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
              "graph g(%q: f32[2, 3], %k: f32[4, 3]) { %c = const f32[] [8]"
              " %a = Div(%k, %c); %t = Transpose(%a); %y = MatMul(%q, %t); return %y }",
              "graph g(%q: f32[2, 3], %k: f32[4, 3]) { %t = Transpose(%k)"
              " %y = MatMul(%q, %t) {alpha = 0.125}; return %y }");
  expect_pass("fold_input_scale",
              "graph g(%q: f32[2, 3], %k: f32[3, 4]) { %c = const f32[] [8]"
              " %a = Div(%q, %c); %y = MatMul(%a, %k); return %y, %a }",
              "unchanged");
}

TEST(FoldPadding, IntoConvolutionsAndPooling) {
  const std::string pad =
      "graph g(%x: f32[1, 2, 5, 5]) { %p = const i64[8] [0, 0, 1, 0, 0, 0, 1, 2]"
      " %w = const f32[3, 2, 3, 3] normal(0.0, 0.3, 1); %a = Pad(%x, %p); ";
  const std::string rest =
      "graph g(%x: f32[1, 2, 5, 5]) { %w = const f32[3, 2, 3, 3] normal(0.0, 0.3, 1); ";
  expect_pass("fold_padding",
              pad + "%y = Conv(%a, %w) {pads_begin = [0, 1], pads_end = [0, 0]}; return %y }",
              rest + "%y = Conv(%x, %w) {pads_begin = [1, 1], pads_end = [1, 2]}; return %y }");
  expect_pass("fold_padding", pad + "%y = AveragePool(%a) {kernel = [3, 3]}; return %y }",
              rest +
                  "%y = AveragePool(%x) {count_include_pad = true, kernel = [3, 3],"
                  " pads_begin = [1, 0], pads_end = [1, 2]}; return %y }");
  expect_pass("fold_padding",
              "graph g(%x: f32[1, 2, 5]) { %p = const i64[2] [1, 1]; %ax = const i64[1] [-1]"
              " %v = const f32[] [-inf]; %a = Pad(%x, %p, %v, %ax)"
              " %y = MaxPool(%a) {kernel = [2]}; return %y }",
              "graph g(%x: f32[1, 2, 5]) {"
              " %y = MaxPool(%x) {kernel = [2], pads_begin = [1], pads_end = [1]}; return %y }");
  expect_pass("fold_padding",
              "graph g(%x: f32[1, 2, 5]) { %p = const i64[6] [0, 0, 1, 0, 0, 1]; %r = Relu(%x)"
              " %a = Pad(%r, %p); %y = MaxPool(%a) {kernel = [3], strides = [2]}; return %y }",
              "graph g(%x: f32[1, 2, 5]) { %r = Relu(%x); %y = MaxPool(%r)"
              " {kernel = [3], pads_begin = [1], pads_end = [1], strides = [2]}; return %y }");
}

TEST(FoldPadding, NotWhereItChangesTheResult) {
  const char* const lines[] = {
      "%p = const i64[6] [0, 0, 1, 0, 0, 1]; %a = Pad(%x, %p); %y = MaxPool(%a) {kernel = [3]}",
      "%p = const i64[6] [0, 1, 0, 0, 1, 0]; %a = Pad(%x, %p); %y = AveragePool(%a) {kernel = [3]}",
      "%p = const i64[6] [0, 0, -1, 0, 0, 1]; %a = Pad(%x, %p); %y = AveragePool(%a) {kernel = "
      "[3]}",
      "%p = const i64[6] [0, 0, 1, 0, 0, 1]; %a = Pad(%x, %p) {mode = \"edge\"}"
      " %y = AveragePool(%a) {kernel = [3]}",
      "%p = const i64[6] [0, 0, 1, 0, 0, 1]; %v = const f32[] [1]; %a = Pad(%x, %p, %v)"
      " %y = AveragePool(%a) {kernel = [3]}",
      "%p = const i64[6] [0, 0, 1, 0, 0, 1]; %a = Pad(%x, %p)"
      " %y = AveragePool(%a) {kernel = [3], pads_begin = [1], pads_end = [1]}",
  };
  for (const char* line : lines) {
    expect_pass("fold_padding", fmt::format("graph g(%x: f32[1, 2, 5]) {{ {}; return %y }}", line),
                "unchanged");
  }
}

TEST(ReducePowers, SmallExponents) {
  const std::pair<const char*, const char*> forms[] = {
      {"2", "%y = Mul(%x, %x)"},
      {"3", "%a = Mul(%x, %x); %y = Mul(%a, %x)"},
      {"-1", "%y = Reciprocal(%x)"},
  };
  for (const auto& [exponent, result] : forms) {
    expect_pass(
        "reduce_powers",
        fmt::format("graph g(%x: f32[3]) {{ %e = const f32[] [{}]; %y = Pow(%x, %e); return %y }}",
                    exponent),
        fmt::format("graph g(%x: f32[3]) {{ {}; return %y }}", result));
  }
  expect_pass(
      "reduce_powers",
      "graph g(%x: f32[3]) { %a = Abs(%x); %e = const f32[] [-0.5]; %y = Pow(%a, %e)"
      " return %y }",
      "graph g(%x: f32[3]) { %a = Abs(%x); %s = Sqrt(%a); %y = Reciprocal(%s); return %y }");
  expect_pass("reduce_powers",
              "graph g(%x: f32[3]) { %e = const f32[] [2.5]; %y = Pow(%x, %e); return %y }",
              "unchanged");
}

TEST(RecogniseGlobalPool, MeansOverAllPositions) {
  expect_pass("recognise_global_pool",
              "graph g(%x: f32[N, 3, 4, 5]) { %y = ReduceMean(%x) {axes = [-1, -2]}; return %y }",
              "graph g(%x: f32[N, 3, 4, 5]) { %y = GlobalAveragePool(%x); return %y }");
  expect_pass("recognise_global_pool",
              "graph g(%x: f32[N, 3, 4, 5]) { %y = ReduceMean(%x) {axes = [1, 2]}; return %y }",
              "unchanged");
  expect_pass("recognise_global_pool",
              "graph g(%x: f32[N, 3, 4]) { %y = ReduceMean(%x) {axes = [2]}; return %y }",
              "unchanged");
}

}  // namespace
}  // namespace drawbar
