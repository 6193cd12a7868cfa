#include "engine/strip.h"

#include <gtest/gtest.h>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "ops/matmul/op.h"
#include "ops/pointwise/op.h"
#include "tests/support/op_case.h"
#include "tests/support/random_graph.h"

namespace drawbar {
namespace {

Graph two_layers(uint64_t seed, ops::Function between = ops::Function::Relu) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type(ElementType::f32, {2, 64}));
  const ValueId w = graph.add_constant(draw("f32[64, 32]", seed));
  const ValueId v = graph.add_constant(draw("f32[32, 8]", seed + 1));  // too small to be stripped
  NodeId node = graph.add_node(ops::MatMul{}, {x, w});
  node = graph.add_node(ops::Elementwise(between), {graph.node(node).outputs[0]});
  node = graph.add_node(ops::MatMul{}, {graph.node(node).outputs[0], v});
  graph.add_output(graph.node(node).outputs[0], "y");
  return graph;
}

TEST(Strip, DescribesLargeWeightsAlone) {
  const Graph stripped = strip_weights(two_layers(3));
  int described = 0, stored = 0;
  for (ValueId id = 0; id < stripped.value_count(); ++id) {
    const Value& value = stripped.value(id);
    if (!value.is_constant() || value.uses.empty()) continue;
    (value.constant->description() ? described : stored) += 1;
  }
  EXPECT_EQ(described, 1);
  EXPECT_EQ(stored, 1);
}

TEST(Strip, RefitGivesTheWeightsBack) {
  const Graph whole = two_layers(3);
  const Graph again = refit(strip_weights(whole), whole);
  const std::vector<Tensor> inputs = {draw("f32[2, 64]", 9)};
  EXPECT_TRUE(evaluate_graph(whole, inputs)[0].identical(evaluate_graph(again, inputs)[0]));
}

TEST(Strip, RefitRefusesAnotherModel) {
  const Graph stripped = strip_weights(two_layers(3));
  EXPECT_THROW(refit(stripped, two_layers(3, ops::Function::Tanh)), Error);
  // A small constant that is kept differs.
  EXPECT_THROW(refit(stripped, two_layers(4)), Error);
}

}  // namespace
}  // namespace drawbar
