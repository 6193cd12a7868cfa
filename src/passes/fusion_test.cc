#include "ir/text.h"
#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(FuseEpilogue, ActivationAndResidual) {
  const std::string head =
      "graph g(%x: f32[N, 4, 5, 5], %r: f32[N, 4, 5, 5]) {"
      " %w = const f32[4, 4, 1, 1] normal(0.0, 0.3, 1); ";
  expect_pass("fuse_epilogue", head + "%y = Conv(%x, %w); %z = Relu(%y); return %z }",
              head + "%z = Conv(%x, %w, _) {post = \"x1 = Relu(x0)\"}; return %z }");
  expect_pass("fuse_epilogue",
              head +
                  "%b = const f32[4] [1, 2, 3, 4]; %y = Conv(%x, %w, %b); %a = Add(%r, %y)"
                  " %z = Relu(%a); return %z }",
              head +
                  "%b = const f32[4] [1, 2, 3, 4]; %z = Conv(%x, %w, %b, %r)"
                  " {post = \"x2 = Add(x1, x0); x3 = Relu(x2)\"}; return %z }");
}

TEST(FuseEpilogue, ResidualOfTheInputItself) {
  expect_pass("fuse_epilogue",
              "graph g(%x: f32[N, 4], %w: f32[4, 4]) { %y = MatMul(%x, %w); %s = Sigmoid(%y)"
              " %p = Mul(%s, %x); %z = Add(%p, %x); return %z }",
              "graph g(%x: f32[N, 4], %w: f32[4, 4]) { %z = MatMul(%x, %w, _, %x)"
              " {post = \"x2 = Sigmoid(x0); x3 = Mul(x2, x1); x4 = Add(x3, x1)\"}; return %z }");
}

TEST(FuseEpilogue, TheLaterOfTwoTakesTheSum) {
  expect_pass("fuse_epilogue",
              "graph g(%x: f32[N, 4], %v: f32[4, 4], %w: f32[4, 4]) { %a = MatMul(%x, %v)"
              " %b = MatMul(%x, %w); %z = Add(%a, %b); return %z }",
              "graph g(%x: f32[N, 4], %v: f32[4, 4], %w: f32[4, 4]) { %a = MatMul(%x, %v)"
              " %z = MatMul(%x, %w, _, %a) {post = \"x2 = Add(x1, x0)\"}; return %z }");
}

TEST(FuseEpilogue, NotWhereOthersReadOrShapesDiffer) {
  expect_pass("fuse_epilogue",
              "graph g(%x: f32[N, 4], %w: f32[4, 4]) { %y = MatMul(%x, %w); %z = Relu(%y)"
              " return %z, %y }",
              "unchanged");
  expect_pass("fuse_epilogue",
              "graph g(%x: f32[1, 4], %w: f32[4, 4], %r: f32[3, 4]) { %y = MatMul(%x, %w)"
              " %z = Add(%y, %r); return %z }",
              "unchanged");
  expect_pass("fuse_epilogue",
              "graph g(%x: f64[1, 4], %w: f64[4, 4]) { %y = MatMul(%x, %w); %z = Relu(%y)"
              " return %z }",
              "unchanged");
}

TEST(FusePointwise, ChainsAndDiamonds) {
  expect_pass("fuse_pointwise",
              "graph g(%x: f32[N, 4], %m: f32[4], %s: f32[4]) { %a = Sub(%x, %m)"
              " %b = Mul(%a, %s); %y = Relu(%b); return %y }",
              "graph g(%x: f32[N, 4], %m: f32[4], %s: f32[4]) { %y = Pointwise(%x, %m, %s)"
              " {program = \"x3 = Sub(x0, x1); x4 = Mul(x3, x2); x5 = Relu(x4)\"}; return %y }");
  expect_pass(
      "fuse_pointwise",
      "graph g(%x: f32[N, 4]) { %two = const f32[] [2]; %a = Exp(%x); %b = Sin(%a)"
      " %c = Mul(%a, %two); %y = Add(%b, %c); return %y }",
      "graph g(%x: f32[N, 4]) { %y = Pointwise(%x) {program ="
      " \"x1 = Exp(x0); x2 = Constant(2); x3 = Mul(x1, x2); x4 = Sin(x1); x5 = Add(x4, x3)\"}"
      " return %y }");
}

TEST(FusePointwise, ConditionsInside) {
  expect_pass("fuse_pointwise",
              "graph g(%x: f32[N], %z: f32[N], %f: bool[N]) { %c = Less(%x, %z); %d = And(%c, %f)"
              " %n = Neg(%x); %y = Where(%d, %n, %z); return %y }",
              "graph g(%x: f32[N], %z: f32[N], %f: bool[N]) { %y = Pointwise(%x, %z, %f)"
              " {program = \"x3 = Neg(x0); x4 = Less(x0, x1); x5 = And(x4, x2);"
              " x6 = Where(x5, x3, x1)\"}; return %y }");
}

TEST(FusePointwise, NotWhereOthersReadOrShapesDiffer) {
  expect_pass("fuse_pointwise",
              "graph g(%x: f32[N, 4]) { %a = Exp(%x); %y = Neg(%a); return %y, %a }", "unchanged");
  expect_pass("fuse_pointwise",
              "graph g(%x: f32[N, 4], %m: f32[4]) { %a = Exp(%m); %y = Add(%x, %a); return %y }",
              "unchanged");
  expect_pass("fuse_pointwise",
              "graph g(%x: f32[N]) { %a = Neg(%x); %y = Less(%a, %x); return %y }", "unchanged");
  expect_pass("fuse_pointwise", "graph g(%x: i64[N]) { %a = Neg(%x); %y = Abs(%a); return %y }",
              "unchanged");
}

TEST(FusePointwise, StaysWithinItsLimits) {
  std::string inputs, body;
  for (int i = 0; i < 20; ++i) {
    inputs += fmt::format("{}%x{}: f32[N]", i ? ", " : "", i);
    if (i)
      body +=
          fmt::format(" %s{} = Add({}, %x{});", i, i == 1 ? "%x0" : fmt::format("%s{}", i - 1), i);
  }
  Graph graph = parse("graph g(" + inputs + ") {" + body + " return %s19 }");
  apply_rule(graph, pass_named("fuse_pointwise").rule);
  EXPECT_EQ(graph.order().size(), 3u);  // 8 inputs, then 7 more each
}

}  // namespace
}  // namespace drawbar
