#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(MergeTransposes, TwoBecomeOneOrNone) {
  expect_pass("merge_transposes",
              "graph g(%x: f32[2, 3, 4, 5]) { %a = Transpose(%x) {permutation = [0, 2, 3, 1]}"
              " %y = Transpose(%a) {permutation = [0, 3, 1, 2]}; %z = Neg(%a); return %y, %z }",
              "graph g(%x: f32[2, 3, 4, 5]) { %a = Transpose(%x) {permutation = [0, 2, 3, 1]}"
              " %z = Neg(%a); return %x as \"y\", %z }");
  expect_pass(
      "merge_transposes",
      "graph g(%x: f32[2, 3, 4]) { %a = Transpose(%x)"
      " %y = Transpose(%a) {permutation = [0, 2, 1]}; return %y }",
      "graph g(%x: f32[2, 3, 4]) { %y = Transpose(%x) {permutation = [2, 0, 1]}; return %y }");
}

TEST(SinkTransposes, BelowPointwise) {
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3, 4]) { %c = const f32[2] [1, 2]"
              " %t = Transpose(%x) {permutation = [1, 2, 0]}; %a = Mul(%t, %c); %y = Relu(%a)"
              " return %y }",
              "graph g(%x: f32[2, 3, 4]) { %c = const f32[1, 1, 2] [1, 2]"
              " %d = Transpose(%c) {permutation = [2, 0, 1]}; %a = Mul(%x, %d); %r = Relu(%a)"
              " %y = Transpose(%r) {permutation = [1, 2, 0]}; return %y }");
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3], %z: f32[2, 3]) { %a = Transpose(%x); %b = Transpose(%z)"
              " %y = Add(%a, %b); return %y }",
              "graph g(%x: f32[2, 3], %z: f32[2, 3]) { %s = Add(%x, %z)"
              " %y = Transpose(%s) {permutation = [1, 0]}; return %y }");
}

TEST(SinkTransposes, NotWhereOthersRead) {
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3]) { %a = Transpose(%x); %y = Relu(%a); return %y, %a }",
              "unchanged");
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3], %z: f32[3, 2]) { %a = Transpose(%x); %y = Add(%a, %z)"
              " return %y }",
              "unchanged");
}

TEST(SinkTransposes, BelowConcatAndSoftmax) {
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3, 4], %z: f32[2, 3, 1]) {"
              " %a = Transpose(%x) {permutation = [0, 2, 1]}"
              " %b = Transpose(%z) {permutation = [0, 2, 1]}"
              " %y = Concat(%a, %b) {axis = 1}; return %y }",
              "graph g(%x: f32[2, 3, 4], %z: f32[2, 3, 1]) { %c = Concat(%x, %z) {axis = 2}"
              " %y = Transpose(%c) {permutation = [0, 2, 1]}; return %y }");
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3, 4]) { %a = Transpose(%x) {permutation = [0, 2, 1]}"
              " %y = Softmax(%a) {axis = 1}; return %y }",
              "graph g(%x: f32[2, 3, 4]) { %s = Softmax(%x) {axis = 2}"
              " %y = Transpose(%s) {permutation = [0, 2, 1]}; return %y }");
  expect_pass("sink_transposes",
              "graph g(%x: f32[2, 3, 4]) { %a = Transpose(%x) {permutation = [0, 2, 1]}"
              " %y = Softmax(%a); return %y }",
              "unchanged");
}

TEST(AbsorbTransposes, IntoTheProduct) {
  expect_pass("absorb_transposes",
              "graph g(%q: f32[2, 3, 4], %k: f32[2, 5, 4]) {"
              " %t = Transpose(%k) {permutation = [0, 2, 1]}; %y = MatMul(%q, %t); return %y }",
              "graph g(%q: f32[2, 3, 4], %k: f32[2, 5, 4]) {"
              " %y = MatMul(%q, %k) {transpose_b = true}; return %y }");
  expect_pass("absorb_transposes",
              "graph g(%q: f32[2, 2, 3, 4], %k: f32[2, 5, 2, 4]) {"
              " %t = Transpose(%k) {permutation = [0, 2, 3, 1]}; %y = MatMul(%q, %t); return %y }",
              "graph g(%q: f32[2, 2, 3, 4], %k: f32[2, 5, 2, 4]) {"
              " %t = Transpose(%k) {permutation = [0, 2, 1, 3]}"
              " %y = MatMul(%q, %t) {transpose_b = true}; return %y }");
  expect_pass("absorb_transposes",
              "graph g(%q: f32[2, 3, 4], %k: f32[2, 4, 5]) {"
              " %t = Transpose(%q) {permutation = [2, 0, 1]}; %s = const i64[3] [2, 3, 4]"
              " %r = Reshape(%t, %s); %y = MatMul(%r, %k); return %y }",
              "unchanged");
}

TEST(SinkTransposes, BelowOneSlice) {
  expect_pass("sink_transposes",
              "graph g(%x: f32[5, N, 3, 4]) { %t = Transpose(%x) {permutation = [2, 0, 1, 3]}"
              " %i = const i64[] [0]; %j = const i64[] [-1]; %a = Gather(%t, %i)"
              " %b = Gather(%t, %j); return %a, %b }",
              "graph g(%x: f32[5, N, 3, 4]) { %i = const i64[] [0]; %j = const i64[] [-1]"
              " %a = Gather(%x, %i) {axis = 2}; %b = Gather(%x, %j) {axis = 2}; return %a, %b }");
  expect_pass("sink_transposes",
              "graph g(%x: f32[5, 2, 3, 4]) { %t = Transpose(%x) {permutation = [2, 1, 0, 3]}"
              " %i = const i64[] [1]; %a = Gather(%t, %i) {axis = 1}; return %a }",
              "graph g(%x: f32[5, 2, 3, 4]) { %i = const i64[] [1]; %a = Gather(%x, %i) {axis = 1}"
              " %y = Transpose(%a) {permutation = [1, 0, 2]}; return %y as \"a\" }");
}

TEST(LiftViews, SplittingStandsBeforeTheTranspose) {
  expect_pass(
      "lift_views",
      "graph g(%x: f32[7, 12*N, 4]) { %t = Transpose(%x) {permutation = [1, 0, 2]}"
      " %s = const i64[4] [-1, 12, 7, 4]; %y = Reshape(%t, %s); return %y }",
      "graph g(%x: f32[7, 12*N, 4]) { %s = const i64[4] [7, -1, 12, 4]"
      " %r = Reshape(%x, %s); %y = Transpose(%r) {permutation = [1, 2, 0, 3]}; return %y }");
}

TEST(LiftViews, JoiningNeighboursStandsBeforeTheTranspose) {
  expect_pass("lift_views",
              "graph g(%x: f32[N, 3, 4, 5]) { %t = Transpose(%x) {permutation = [0, 2, 3, 1]}"
              " %s = const i64[3] [0, 20, 3]; %y = Reshape(%t, %s); return %y }",
              "graph g(%x: f32[N, 3, 4, 5]) { %s = const i64[3] [0, 3, 20]"
              " %r = Reshape(%x, %s); %y = Transpose(%r) {permutation = [0, 2, 1]}; return %y }");
  expect_pass("lift_views",
              "graph g(%x: f32[N, 3, 4, 5]) { %t = Transpose(%x) {permutation = [0, 2, 1, 3]}"
              " %s = const i64[3] [0, 4, 15]; %y = Reshape(%t, %s); return %y }",
              "unchanged");
  expect_pass("lift_views",
              "graph g(%x: f32[N, 3, 4, 5]) { %t = Transpose(%x) {permutation = [0, 2, 3, 1]}"
              " %s = const i64[3] [0, 20, 3]; %y = Reshape(%t, %s); return %y, %t }",
              "unchanged");
}

TEST(SinkTransposes, BelowTheProductWithOneMatrix) {
  expect_pass("sink_transposes",
              "graph g(%x: f32[N, 3, 4], %w: f32[4, 5], %b: f32[5]) {"
              " %t = Transpose(%x) {permutation = [1, 0, 2]}; %y = MatMul(%t, %w, %b); return %y }",
              "graph g(%x: f32[N, 3, 4], %w: f32[4, 5], %b: f32[5]) { %m = MatMul(%x, %w, %b)"
              " %y = Transpose(%m) {permutation = [1, 0, 2]}; return %y }");
  expect_pass("sink_transposes",
              "graph g(%x: f32[N, 3, 4], %w: f32[N, 4, 5]) {"
              " %t = Transpose(%x) {permutation = [1, 0, 2]}; %s = const i64[3] [0, 0, 4]"
              " %r = Reshape(%t, %s); %y = MatMul(%x, %w); return %y, %r }",
              "unchanged");
}

TEST(LiftViews, AboveTheProductWithOneMatrix) {
  expect_pass("lift_views",
              "graph g(%x: f32[12, 4], %w: f32[4, 5], %b: f32[5]) { %y = MatMul(%x, %w, %b)"
              " %s = const i64[3] [2, 6, 5]; %z = Reshape(%y, %s); return %z }",
              "graph g(%x: f32[12, 4], %w: f32[4, 5], %b: f32[5]) { %s = const i64[3] [2, 6, 4]"
              " %r = Reshape(%x, %s); %z = MatMul(%r, %w, %b); return %z }");
  expect_pass("lift_views",
              "graph g(%x: f32[12, 4], %w: f32[4, 6]) { %y = MatMul(%x, %w)"
              " %s = const i64[3] [12, 2, 3]; %z = Reshape(%y, %s); return %z }",
              "unchanged");
  expect_pass("lift_views",
              "graph g(%x: f32[12, 4], %w: f32[4, 5], %b: f32[12, 1]) { %y = MatMul(%x, %w, %b)"
              " %s = const i64[3] [2, 6, 5]; %z = Reshape(%y, %s); return %z }",
              "unchanged");
  // The bias would have more dimensions than the result.
  expect_pass("lift_views",
              "graph g(%x: f32[1, 1, 4], %w: f32[4, 5], %b: f32[1, 1, 5]) {"
              " %y = MatMul(%x, %w, %b)"
              " %s = const i64[2] [1, 5]; %z = Reshape(%y, %s); return %z }",
              "unchanged");
}

TEST(LiftViews, DimensionsOfOneGoWhereTheyBelong) {
  expect_pass("lift_views",
              "graph g(%x: f32[7, 1, 3, 4]) {"
              " %y = Transpose(%x) {permutation = [1, 2, 0, 3]}; return %y }",
              "graph g(%x: f32[7, 1, 3, 4]) { %s = const i64[4] [1, 7, 3, 4]; %r = Reshape(%x, %s)"
              " %y = Transpose(%r) {permutation = [0, 2, 1, 3]}; return %y }");
  expect_pass("lift_views",
              "graph g(%x: f32[N, 4, 1, 1]) {"
              " %y = Transpose(%x) {permutation = [0, 2, 3, 1]}; return %y }",
              "graph g(%x: f32[N, 4, 1, 1]) { %s = const i64[4] [0, 1, 1, 4]"
              " %y = Reshape(%x, %s); return %y }");
}

}  // namespace
}  // namespace drawbar
