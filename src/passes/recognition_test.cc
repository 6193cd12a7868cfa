#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(RecogniseActivations, HoweverTheyAreWritten) {
  struct Form {
    const char* written;
    const char* known;
  };
  const Form forms[] = {
      {"%r = const f32[] [1.4142135]; %one = const f32[] [1]; %h = const f32[] [0.5]"
       " %a = Div(%x, %r); %b = Erf(%a); %c = Add(%b, %one); %d = Mul(%x, %c); %y = Mul(%d, %h)",
       "Gelu(%x)"},
      {"%r = const f32[] [0.70710677]; %one = const f32[] [1]; %h = const f32[] [0.5]"
       " %a = Mul(%r, %x); %b = Erf(%a); %c = Add(%one, %b); %d = Mul(%h, %x); %y = Mul(%d, %c)",
       "Gelu(%x)"},
      {"%three = const f32[] [3]; %k = const f32[] [0.044715]; %s = const f32[] [0.7978845608]"
       " %one = const f32[] [1]; %h = const f32[] [0.5]; %a = Pow(%x, %three); %b = Mul(%a, %k)"
       " %c = Add(%x, %b); %d = Mul(%c, %s); %e = Tanh(%d); %f = Add(%e, %one); %i = Mul(%x, %h)"
       " %y = Mul(%i, %f)",
       "GeluTanh(%x)"},
      {"%k = const f32[] [0.044715]; %s = const f32[] [0.7978845608]"
       " %one = const f32[] [1]; %h = const f32[] [0.5]; %a = Mul(%x, %x); %b = Mul(%a, %k)"
       " %c = Add(%one, %b); %d = Mul(%x, %s); %d2 = Mul(%d, %c); %e = Tanh(%d2)"
       " %f = Add(%e, %one); %i = Mul(%x, %f); %y = Mul(%i, %h)",
       "GeluTanh(%x)"},
      {"%s = Sigmoid(%x); %y = Mul(%x, %s)", "Swish(%x)"},
      {"%k = const f32[] [1.702]; %a = Mul(%x, %k); %s = Sigmoid(%a); %y = Mul(%s, %x)",
       "Swish(%x) {alpha = 1.7020000219345093}"},
      {"%three = const f32[] [3]; %six = const f32[] [6]; %a = Add(%x, %three)"
       " %b = Clip(%a) {min = 0.0, max = 6.0}; %c = Mul(%x, %b); %y = Div(%c, %six)",
       "HardSwish(%x)"},
      {"%b = HardSigmoid(%x) {alpha = 0.16666667}; %y = Mul(%x, %b)", "HardSwish(%x)"},
      {"%three = const f32[] [3]; %six = const f32[] [6]; %a = Add(%x, %three)"
       " %b = Clip(%a) {min = 0.0, max = 6.0}; %y = Div(%b, %six)",
       "HardSigmoid(%x) {alpha = 0.1666666716337204}"},
      {"%a = Softplus(%x); %b = Tanh(%a); %y = Mul(%x, %b)", "Mish(%x)"},
      {"%one = const f32[] [1]; %a = Exp(%x); %b = Add(%a, %one); %y = Log(%b)", "Softplus(%x)"},
      {"%zero = const f32[] [0]; %six = const f32[] [6]; %a = Max(%x, %zero); %y = Min(%a, %six)",
       "Clip(%x) {max = 6.0, min = 0.0}"},
      {"%k = const f32[] [0.25]; %a = Mul(%x, %k); %y = Max(%a, %x)",
       "LeakyRelu(%x) {alpha = 0.25}"},
  };
  for (const Form& form : forms) {
    expect_pass("recognise_activations",
                fmt::format("graph g(%x: f32[N, 7]) {{ {}; return %y }}", form.written),
                fmt::format("graph g(%x: f32[N, 7]) {{ %y = {}; return %y }}", form.known));
  }
}

TEST(RecogniseActivations, BehindOtherFunctions) {
  expect_pass("recognise_activations",
              "graph g(%x: f32[N], %z: f32[N]) { %a = Add(%x, %z); %s = Sigmoid(%a)"
              " %b = Mul(%a, %s); %y = Exp(%b); return %y }",
              "graph g(%x: f32[N], %z: f32[N]) { %a = Add(%x, %z); %b = Swish(%a); %y = Exp(%b)"
              " return %y }");
}

TEST(RecogniseActivations, SeesBoundsFarFromZero) {
  expect_pass("recognise_activations",
              "graph g(%x: f32[N]) { %zero = const f32[] [0]; %far = const f32[] [320]"
              " %m = Max(%x, %zero); %y = Min(%m, %far); return %y }",
              "graph g(%x: f32[N]) { %y = Clip(%x) {min = 0.0, max = 320.0}; return %y }");
}

TEST(RecogniseActivations, NotWhatDiffersNearZeroOrIsSmallEverywhere) {
  // Differs from x between -0.16 and 0 alone, by 0.008.
  expect_pass(
      "recognise_activations",
      "graph g(%x: f32[N]) { %a = Add(%x, %x); %m = Mish(%a); %y = Min(%m, %x); return %y }",
      "unchanged");
  expect_pass("recognise_activations",
              "graph g(%x: f32[N]) { %t = const f32[] [1e-6]; %s = Sin(%x); %y = Mul(%s, %t)"
              " return %y }",
              "unchanged");
}

TEST(RecogniseActivations, NotWhereBothEndsOverflow) {
  for (std::string_view function : {"Exp", "Sinh", "Cosh"}) {
    expect_pass(
        "recognise_activations",
        fmt::format("graph g(%x: f32[N]) {{ %a = Abs(%x); %y = {}(%a); return %y }}", function),
        "unchanged");
  }
}

TEST(RecogniseActivations, NotWhatOverflowsOnOneSide) {
  expect_pass("recognise_activations",
              "graph g(%x: f32[N]) { %two = const f32[] [2]; %p = Pow(%two, %x); %y = Neg(%p)"
              " return %y }",
              "unchanged");
}

TEST(RecogniseActivations, NotWhereOthersReadTheSteps) {
  expect_pass("recognise_activations",
              "graph g(%x: f32[N]) { %s = Sigmoid(%x); %y = Mul(%x, %s); return %y, %s }",
              "unchanged");
  expect_pass("recognise_activations",
              "graph g(%x: f32[N], %z: f32[N]) { %s = Sigmoid(%x); %y = Mul(%z, %s); return %y }",
              "unchanged");
}

const char* const normalised =
    "%m = ReduceMean(%x) {axes = [-1]}; %d = Sub(%x, %m); %two = const f32[] [2]"
    " %q = Pow(%d, %two); %v = ReduceMean(%q) {axes = [2]}; %e = const f32[] [1e-5]"
    " %p = Add(%v, %e); %r = Sqrt(%p); ";

TEST(RecogniseLayerNorm, WithItsFactorAndTerm) {
  const std::string graph = "graph g(%x: f32[2, N, 3]) { ";
  const std::string affine = " %s = const f32[3] [1, 2, 3]; %t = const f32[1, 1, 3] [1, 2, 3]";
  expect_pass("recognise_layer_norm",
              graph + normalised + affine + " %y = Div(%d, %r); %z = Mul(%y, %s); return %z }",
              graph + affine + " %y = LayerNormalization(%x); %z = Mul(%y, %s); return %z }");
  expect_pass("fold_layer_norm_affine",
              graph + affine +
                  " %y = LayerNormalization(%x); %z = Mul(%y, %s); %o = Add(%t, %z); return %o }",
              graph + affine +
                  " %u = const f32[3] [1, 2, 3]"
                  " %y = LayerNormalization(%x, %s, %u); return %y as \"o\" }");
}

TEST(RecogniseLayerNorm, BySquaresAndReciprocals) {
  expect_pass(
      "recognise_layer_norm",
      "graph g(%x: f32[2, 3, 4]) { %m = ReduceMean(%x) {axes = [1, 2]}; %d = Sub(%x, %m)"
      " %q = Mul(%d, %d); %v = ReduceMean(%q) {axes = [-1, -2]}; %e = const f32[] [0.01]"
      " %p = Add(%e, %v); %r = Sqrt(%p); %i = Reciprocal(%r); %y = Mul(%i, %d); return %y }",
      "graph g(%x: f32[2, 3, 4]) {"
      " %y = LayerNormalization(%x) {axis = -2, epsilon = 0.009999999776482582}"
      " return %y }");
}

TEST(RecogniseLayerNorm, RootMeanSquare) {
  expect_pass("recognise_layer_norm",
              "graph g(%x: f32[2, 3, 4]) { %two = const f32[] [2]; %q = Pow(%x, %two)"
              " %v = ReduceMean(%q) {axes = [-1]}; %e = const f32[] [1e-5]; %p = Add(%v, %e)"
              " %r = Sqrt(%p); %one = const f32[] [1]; %i = Div(%one, %r); %y = Mul(%x, %i)"
              " return %y }",
              "graph g(%x: f32[2, 3, 4]) { %y = RMSNormalization(%x); return %y }");
}

TEST(RecogniseLayerNorm, NotOverOtherAxes) {
  expect_pass("recognise_layer_norm",
              "graph g(%x: f32[2, 3, 4]) { %m = ReduceMean(%x) {axes = [1]}; %d = Sub(%x, %m)"
              " %q = Mul(%d, %d); %v = ReduceMean(%q) {axes = [1]}; %e = const f32[] [0.01]"
              " %p = Add(%e, %v); %r = Sqrt(%p); %y = Div(%d, %r); return %y }",
              "unchanged");
}

TEST(RecogniseSoftmax, WithAndWithoutTheLargest) {
  expect_pass("recognise_softmax",
              "graph g(%x: f32[2, 3, 4]) { %m = ReduceMax(%x) {axes = [1]}; %d = Sub(%x, %m)"
              " %e = Exp(%d); %s = ReduceSum(%e) {axes = [1]}; %y = Div(%e, %s); return %y }",
              "graph g(%x: f32[2, 3, 4]) { %y = Softmax(%x) {axis = 1}; return %y }");
  expect_pass("recognise_softmax",
              "graph g(%x: f32[2, 3]) { %e = Exp(%x); %s = ReduceSum(%e) {axes = [-1]}"
              " %y = Div(%e, %s); return %y }",
              "graph g(%x: f32[2, 3]) { %y = Softmax(%x); return %y }");
  expect_pass("recognise_softmax",
              "graph g(%x: f32[2, 3]) { %e = Exp(%x); %s = ReduceSum(%e); %y = Div(%e, %s)"
              " return %y }",
              "unchanged");
}

TEST(RecogniseAttention, WithAMask) {
  const std::string inputs =
      "graph g(%q: f32[B, 2, S, 4], %k: f32[B, 2, T, 4], %v: f32[B, 2, T, 3], %m: f32[B, 1, 1, T])"
      " { ";
  expect_pass("recognise_attention",
              inputs +
                  "%s = MatMul(%q, %k) {transpose_b = true, alpha = 0.5}"
                  " %t = Add(%m, %s); %p = Softmax(%t); %y = MatMul(%p, %v); return %y }",
              inputs + "%y = Attention(%q, %k, %v, %m) {scale = 0.5}; return %y }");
}

TEST(RecogniseAttention, MasksThatChooseOrAreABias) {
  const std::string inputs = "graph g(%q: f32[2, 3, 4], %k: f32[2, 2, 4], %v: f32[2, 2, 5]) { ";
  const std::string unsqueezed =
      "%a = Unsqueeze(%q) {axes = [0]}; %b = Unsqueeze(%k) {axes = [0]}"
      " %c = Unsqueeze(%v) {axes = [0]}; ";
  const std::string condition = "%w = const bool[3, 2] [1, 0, 1, 1, 0, 1]; ";
  expect_pass("recognise_attention",
              inputs + condition +
                  "%n = const f32[] [-1e9]; %s = MatMul(%q, %k) {transpose_b = true}"
                  " %t = Where(%w, %s, %n); %p = Softmax(%t); %y = MatMul(%p, %v); return %y }",
              inputs + condition + unsqueezed +
                  "%d = Attention(%a, %b, %c, %w) {scale = 1.0}"
                  " %y = Squeeze(%d) {axes = [0]}; return %y }");
  const std::string bias = "%w = const f32[2] [0.5, -100]; ";
  expect_pass("recognise_attention",
              inputs + bias +
                  "%s = MatMul(%q, %k, %w) {transpose_b = true}"
                  " %p = Softmax(%s); %n = IsNaN(%p); %z = const f32[] [0]"
                  " %r = Where(%n, %z, %p); %y = MatMul(%r, %v); return %y }",
              inputs + bias + unsqueezed +
                  "%d = Attention(%a, %b, %c, %w) {scale = 1.0}"
                  " %y = Squeeze(%d) {axes = [0]}; return %y }");
}

TEST(RecogniseAttention, NotWhereItIsSomethingElse) {
  const std::string inputs = "graph g(%q: f32[2, 3, 4], %k: f32[2, 2, 4], %v: f32[2, 2, 5]) { ";
  const char* const bodies[] = {
      "%s = MatMul(%q, %k) {transpose_b = true}; %p = Softmax(%s); %y = MatMul(%p, %v)"
      " return %y, %p }",
      "%s = MatMul(%q, %k) {transpose_b = true}; %p = Softmax(%s) {axis = 1}; %y = MatMul(%p, %v)"
      " return %y }",
      "%s = MatMul(%q, %k) {transpose_b = true}; %w = const bool[3, 2] [1, 0, 0, 0, 0, 1]"
      " %n = const f32[] [-1e9]; %t = Where(%w, %s, %n); %p = Softmax(%t); %y = MatMul(%p, %v)"
      " return %y }",
      "%s = MatMul(%q, %k) {transpose_b = true}; %m = const f32[3, 1] [1, 2, 3]; %t = Add(%s, %m)"
      " %p = Softmax(%t); %y = MatMul(%p, %v); return %y }",
      "%s = MatMul(%q, %k) {transpose_b = true}; %p = Softmax(%s) {log = true}"
      " %y = MatMul(%p, %v); return %y }",
  };
  for (const char* body : bodies) expect_pass("recognise_attention", inputs + body, "unchanged");
}

TEST(AbsorbAttentionTransposes, OfOperandsAndResult) {
  const std::string inputs =
      "graph g(%q: f32[B, S, 2, 4], %k: f32[T, B, 2, 4], %v: f32[B, 2, T, 3]) { ";
  expect_pass("absorb_attention_transposes",
              inputs +
                  "%a = Transpose(%q) {permutation = [0, 2, 1, 3]}"
                  " %b = Transpose(%k) {permutation = [1, 2, 0, 3]}"
                  " %y = Attention(%a, %b, %v)"
                  " %z = Transpose(%y) {permutation = [0, 2, 1, 3]}; return %z }",
              inputs +
                  "%b = Transpose(%k) {permutation = [1, 0, 2, 3]}"
                  " %z = Attention(%q, %b, %v) {q_heads_last = true, k_heads_last = true,"
                  " y_heads_last = true}; return %z }");
  expect_pass("absorb_attention_transposes",
              inputs +
                  "%a = Transpose(%q) {permutation = [0, 2, 1, 3]}"
                  " %b = Transpose(%k) {permutation = [1, 2, 0, 3]}"
                  " %y = Attention(%a, %b, %v)"
                  " %z = Transpose(%y) {permutation = [2, 0, 1, 3]}; return %z }",
              inputs +
                  "%b = Transpose(%k) {permutation = [1, 0, 2, 3]}"
                  " %y = Attention(%q, %b, %v) {q_heads_last = true, k_heads_last = true,"
                  " y_heads_last = true}"
                  " %z = Transpose(%y) {permutation = [1, 0, 2, 3]}; return %z }");
}

TEST(AbsorbAttentionTransposes, NotWhereOthersRead) {
  const std::string inputs =
      "graph g(%q: f32[B, 2, S, 4], %k: f32[B, 2, T, 4], %v: f32[B, 2, T, 3]) { ";
  expect_pass("absorb_attention_transposes",
              inputs +
                  "%y = Attention(%q, %k, %v)"
                  " %z = Transpose(%y) {permutation = [0, 2, 1, 3]}; return %z, %y }",
              "unchanged");
  expect_pass("absorb_attention_transposes",
              inputs +
                  "%y = Attention(%q, %k, %v)"
                  " %z = Transpose(%y) {permutation = [0, 1, 3, 2]}; return %z }",
              "unchanged");
}

TEST(RecogniseInterleave, ShuffledConcatenation) {
  expect_pass("recognise_interleave",
              "graph g(%a: f32[N, 6, 5, 5], %b: f32[N, 6, 5, 5]) { %c = Concat(%a, %b) {axis = 1}"
              " %s = const i64[5] [0, 2, 6, 5, 5]; %r = Reshape(%c, %s)"
              " %t = Transpose(%r) {permutation = [0, 2, 1, 3, 4]}"
              " %u = const i64[4] [0, 12, 5, 5]; %y = Reshape(%t, %u); return %y }",
              "graph g(%a: f32[N, 6, 5, 5], %b: f32[N, 6, 5, 5]) {"
              " %y = Interleave(%a, %b) {count = 6}; return %y }");
  // Groups that are not the parts of the concatenation.
  expect_pass("recognise_interleave",
              "graph g(%a: f32[N, 6, 5, 5], %b: f32[N, 6, 5, 5]) { %c = Concat(%a, %b) {axis = 1}"
              " %s = const i64[5] [0, 3, 4, 5, 5]; %r = Reshape(%c, %s)"
              " %t = Transpose(%r) {permutation = [0, 2, 1, 3, 4]}"
              " %u = const i64[4] [0, 12, 5, 5]; %y = Reshape(%t, %u); return %y }",
              "unchanged");
}

TEST(RecogniseInterleave, SlicesOfIt) {
  expect_pass("recognise_interleave",
              "graph g(%a: f32[N, 6, 5], %b: f32[N, 6, 5]) { %c = Interleave(%a, %b) {count = 6}"
              " %s = const i64[1] [6]; %e = const i64[1] [100]; %x = const i64[1] [1]"
              " %y = Slice(%c, %s, %e, %x); return %y }",
              "graph g(%a: f32[N, 6, 5], %b: f32[N, 6, 5]) {"
              " %y = Interleave(%a, %b) {first = 3, count = 3}; return %y }");
  expect_pass("recognise_interleave",
              "graph g(%a: f32[N, 6, 5], %b: f32[N, 6, 5]) { %c = Interleave(%a, %b) {count = 6}"
              " %s = const i64[1] [5]; %e = const i64[1] [12]; %x = const i64[1] [1]"
              " %y = Slice(%c, %s, %e, %x); return %y }",
              "unchanged");
}

}  // namespace
}  // namespace drawbar
