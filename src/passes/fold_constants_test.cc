#include "passes/fold_constants.h"

#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(FoldConstants, ComputesWhatIsKnown) {
  expect_pass("fold_constants",
              "graph g(%x: f32[2]) { %a = const f32[2] [1, 2]; %b = const f32[] [3]"
              " %s = Add(%a, %b); %t = Neg(%s); %y = Mul(%x, %t); return %y, %s }",
              "graph g(%x: f32[2]) { %t = const f32[2] [-4, -5]; %s = const f32[2] [4, 5]"
              " %y = Mul(%x, %t); return %y, %s }");
}

TEST(FoldConstants, KeepsWhatDependsOnData) {
  expect_pass("fold_constants",
              "graph g(%x: f32[2]) { %a = const f32[2] [1, 2]; %y = Add(%x, %a); return %y }",
              "unchanged");
}

TEST(FoldConstants, KeepsLargeResultsOfSmallInputs) {
  expect_pass("fold_constants",
              "graph g() { %a = const f32[1] [1]; %s = const i64[2] [1024, 1024]"
              " %y = Expand(%a, %s); return %y }",
              "unchanged");
}

TEST(FoldConstants, StaysWithinTheBudget) {
  Graph graph;
  const ValueId a = graph.add_constant(Tensor::from<float>({2}, {1, 2}));
  const NodeId node = graph.add_node(Op::named("Neg", {}), {a});
  graph.add_output(graph.node(node).outputs[0], "y");
  PassOptions options;
  options.fold_budget = 7;
  fold_constants(graph, options);
  EXPECT_EQ(graph.order().size(), 1u);
  options.fold_budget = 8;
  fold_constants(graph, options);
  EXPECT_EQ(graph.order().size(), 0u);
}

TEST(FoldShapes, SizesOfStaticShapes) {
  expect_pass("fold_shapes",
              "graph g(%x: f32[2, 6]) { %s = Shape(%x); %four = const i64[1] [4]"
              " %i = const i64[1] [0]; %n = Gather(%s, %i); %three = const i64[1] [3]"
              " %t = Concat(%n, %three, %three); %two = const i64[1] [2]"
              " %d = Div(%t, %three); %u = Mul(%d, %three);"
              " %r = const i64[2] [3, 4]; %y = Reshape(%x, %r); return %y, %u }",
              "graph g(%x: f32[2, 6]) { %r = const i64[2] [3, 4]; %y = Reshape(%x, %r)"
              " %u = const i64[3] [0, 3, 3]; return %y, %u }");
}

TEST(FoldShapes, SymbolsStay) {
  expect_pass("fold_shapes", "graph g(%x: f32[N, 6]) { %s = Shape(%x); return %s }", "unchanged");
}

TEST(FoldShapes, SymbolsThatCancelDoNot) {
  expect_pass("fold_shapes",
              "graph g(%x: f32[N, 6]) { %s = Shape(%x); %i = const i64[1] [0]"
              " %n = Gather(%s, %i); %d = Sub(%n, %n); return %d }",
              "graph g(%x: f32[N, 6]) { %d = const i64[1] [0]; return %d }");
}

}  // namespace
}  // namespace drawbar
