#include "passes/pass_testing.h"

namespace drawbar {
namespace {

struct Line {
  const char* before;
  const char* after;
};

TEST(RemoveIdentities, RemovesWhatChangesNothing) {
  const Line lines[] = {
      {"%y = Identity(%x)", ""},
      {"%c = const f32[] [0]; %y = Add(%x, %c)", ""},
      {"%c = const f32[3] [0, 0, 0]; %y = Add(%c, %x)", ""},
      {"%c = const f32[] [0]; %y = Sub(%x, %c)", ""},
      {"%c = const f32[1, 1] [1]; %y = Mul(%c, %x)", ""},
      {"%c = const f32[] [1]; %y = Div(%x, %c)", ""},
      {"%c = const f32[] [1]; %y = Pow(%x, %c)", ""},
      {"%y = Clip(%x)", ""},
      {"%y = Transpose(%x) {permutation = [0, 1]}", ""},
      {"%y = Flatten(%x)", ""},
      {"%s = const i64[2] [-1, 3]; %y = Reshape(%x, %s)", ""},
      {"%s = const i64[2] [1, 3]; %y = Expand(%x, %s)", ""},
      {"%s = const i64[2] [1, 1]; %y = Tile(%x, %s)", ""},
      {"%y = Concat(%x) {axis = 1}", ""},
  };
  for (const Line& line : lines) {
    expect_pass(
        "remove_identities",
        fmt::format("graph g(%x: f32[N, 3]) {{ {} %z = Neg(%y); return %z, %y }}", line.before),
        "graph g(%x: f32[N, 3]) { %z = Neg(%x); return %z, %x as \"y\" }");
  }
}

TEST(RemoveIdentities, KeepsTheRest) {
  const char* lines[] = {
      "%c = const f32[] [0]; %y = Sub(%c, %x)",
      "%c = const f32[2, 1, 1] [0, 0]; %y = Add(%x, %c)",  // another shape
      "%c = const f32[1, 1, 1] [0]; %y = Add(%x, %c)",     // another rank
      "%c = const f32[] [1]; %y = Div(%c, %x)",
      "%c = const f32[] [2]; %y = Mul(%x, %c)",
      "%y = Clip(%x) {min = 0.0}",
      "%y = Transpose(%x)",
      "%s = const i64[2] [2, 1]; %y = Tile(%x, %s)",
      "%y = Concat(%x, %x) {axis = 1}",
  };
  for (const char* line : lines) {
    expect_pass("remove_identities",
                fmt::format("graph g(%x: f32[4, 3]) {{ {}; return %y }}", line), "unchanged");
  }
}

TEST(RemoveIdentities, ReluOfRelu) {
  expect_pass("remove_identities",
              "graph g(%x: f32[4]) { %a = Relu(%x); %b = Relu(%a); return %b }",
              "graph g(%x: f32[4]) { %a = Relu(%x); return %a as \"b\" }");
}

TEST(MergeEqual, ComputesEqualThingsOnce) {
  expect_pass("merge_equal",
              "graph g(%x: f32[N]) { %c = const f32[] [2]; %d = const f32[] [2]"
              " %a = Mul(%x, %c); %b = Mul(%x, %d); %e = Exp(%a); %f = Exp(%b)"
              " %y = Add(%e, %f); return %y, %b }",
              "graph g(%x: f32[N]) { %c = const f32[] [2]; %a = Mul(%x, %c); %e = Exp(%a)"
              " %y = Add(%e, %e); return %y, %a as \"b\" }");
}

TEST(MergeEqual, KeepsOtherAttributesAndTypes) {
  expect_pass("merge_equal",
              "graph g(%x: f32[4, 4]) { %a = Softmax(%x); %b = Softmax(%x) {axis = 0}"
              " %c = const i32[1] [0]; %d = const f32[1] [0]; return %a, %b, %c, %d }",
              "unchanged");
}

TEST(DropExpands, ReadsTheSourceWhereBroadcastingDoes) {
  expect_pass("drop_expands",
              "graph g(%x: f32[N, 4], %b: f32[4], %s: i64[2]) { %s2 = Shape(%x)"
              " %e = Expand(%b, %s2); %y = Add(%x, %e); return %y }",
              "graph g(%x: f32[N, 4], %b: f32[4], %s: i64[2]) { %y = Add(%x, %b); return %y }");
  expect_pass("drop_expands",
              "graph g(%x: f32[1, 4], %b: f32[4]) { %s = const i64[2] [3, 4]"
              " %e = Expand(%b, %s); %y = Add(%x, %e); return %y }",
              "unchanged");
}

TEST(MergeViews, OneReshapeOfSeveral) {
  expect_pass("merge_views",
              "graph g(%x: f32[N, 4, 1, 1]) { %a = Squeeze(%x) {axes = [2, 3]}"
              " %b = Unsqueeze(%a) {axes = [1]}; %c = Flatten(%b); return %c }",
              "graph g(%x: f32[N, 4, 1, 1]) { %s = const i64[2] [0, 4]"
              " %c = Reshape(%x, %s); return %c }");
}

TEST(NumberShapes, SymbolsThatStayAndOneMore) {
  expect_pass(
      "number_shapes",
      "graph g(%x: f32[N, 4, H]) { %s = Shape(%x); %i = const i64[1] [0]"
      " %j = const i64[1] [2]; %n = Gather(%s, %i); %h = Gather(%s, %j)"
      " %c = const i64[2] [2, 2]; %t = Concat(%n, %c, %h); %y = Reshape(%x, %t); return %y }",
      "graph g(%x: f32[N, 4, H]) { %s = const i64[4] [0, 2, 2, -1]; %y = Reshape(%x, %s)"
      " return %y }");
  expect_pass("number_shapes",
              "graph g(%x: f32[N, 4, H, W]) { %s = Shape(%x); %i = const i64[3] [3, 2, 0]"
              " %n = Gather(%s, %i); %c = const i64[1] [4]; %t = Concat(%n, %c)"
              " %y = Reshape(%x, %t); return %y }",
              "unchanged");
}

TEST(MergeViews, ShapesWithTwoSymbolsKeepTheirOwn) {
  expect_pass("merge_views",
              "graph g(%x: f32[N, 4, H]) { %a = Unsqueeze(%x) {axes = [0]}"
              " %y = Unsqueeze(%a) {axes = [0]}; return %y }",
              "unchanged");
  expect_pass("merge_views",
              "graph g(%x: f32[N, 4, H]) { %a = Unsqueeze(%x) {axes = [0]}"
              " %y = Squeeze(%a) {axes = [0]}; return %y }",
              "graph g(%x: f32[N, 4, H]) { %s = const i64[3] [0, 4, 0]; %y = Reshape(%x, %s)"
              " return %y }");
}

TEST(MergeViews, TransposeOfOnesIsAView) {
  expect_pass("merge_views",
              "graph g(%x: f32[N, 4, 1, 1]) {"
              " %y = Transpose(%x) {permutation = [0, 2, 3, 1]}; return %y }",
              "graph g(%x: f32[N, 4, 1, 1]) { %s = const i64[4] [0, 1, 1, 4]"
              " %y = Reshape(%x, %s); return %y }");
  expect_pass("merge_views",
              "graph g(%x: f32[N, 4, 2, 1]) {"
              " %y = Transpose(%x) {permutation = [0, 2, 3, 1]}; return %y }",
              "unchanged");
}

TEST(RemoveUnused, NodesWithoutReaders) {
  expect_pass("remove_unused", "graph g(%x: f32[4]) { %a = Neg(%x); %b = Exp(%a); return %a }",
              "graph g(%x: f32[4]) { %a = Neg(%x); return %a }");
}

}  // namespace
}  // namespace drawbar
