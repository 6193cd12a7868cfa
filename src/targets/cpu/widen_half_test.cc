#include "targets/cpu/widen_half.h"

#include <gtest/gtest.h>
#include <set>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/op_case.h"

namespace drawbar::cpu {
namespace {

std::multiset<std::string> operators(const Graph& graph) {
  std::multiset<std::string> names;
  for (NodeId id : graph.order()) names.insert(std::string(graph.node(id).op.name()));
  return names;
}

TEST(WidenHalf, ComputesInSinglePrecisionBetweenTwoCasts) {
  const Graph graph = parse(R"(graph half(%x: f16[N, 8]) {
    %w = const f16[8, 5] normal(0.0, 1.0, 1)
    %y = MatMul(%x, %w)
    %t = Transpose(%y) {permutation = [1, 0]}
    %z = Relu(%t)
    return %z
  })");
  const Graph wide = widen_half(graph, isa());
  EXPECT_EQ(operators(wide),
            (std::multiset<std::string>{"Cast", "MatMul", "Transpose", "Relu", "Cast"}));
  EXPECT_EQ(to_string(wide.value(wide.outputs()[0]).type), "f16[5, N]");
  const Tensor x = draw("f16[3, 8]", 7);
  expect_close(evaluate_graph(wide, {x})[0], evaluate_graph(graph, {x})[0], 2.5e-3, 1e-3, "half");
}

TEST(WidenHalf, LeavesWhatOnlyMovesElements) {
  const char* const text =
      "graph half(%x: f16[2, 8]) {\n  %y: f16[8, 2] = Transpose(%x) {permutation = [1, 0]}\n  "
      "return %y\n}\n";
  EXPECT_EQ(print(widen_half(parse(text), isa())), text);
}

TEST(WidenHalf, LeavesGraphsWithoutHalves) {
  const char* const text =
      "graph single(%x: f32[2, 8]) {\n  %y: f32[2, 8] = Relu(%x)\n  return %y\n}\n";
  EXPECT_EQ(print(widen_half(parse(text), isa())), text);
}

}  // namespace
}  // namespace drawbar::cpu
