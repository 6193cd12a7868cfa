#include "targets/cuda/narrow.h"

#include <gtest/gtest.h>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "ops/pointwise/op.h"
#include "tests/support/op_case.h"
#include "tests/support/random_graph.h"

namespace drawbar::cuda {
namespace {

TEST(Narrow, PutsHalvesBetweenInputsAndOutputs) {
  Graph graph = parse(R"(graph g(%x: f32[2, 8, 6, 6], %i: i64[3]) {
  %a = Relu(%x)
  %b = GlobalAveragePool(%a)
  %c = Flatten(%b)
  %d = Softmax(%c)
  %e = Gather(%d, %i) {axis = 1}
  return %e
})");
  const Graph half = narrow(graph, ElementType::f16, emulated_gpu()->info());
  EXPECT_EQ(to_string(half.value(half.inputs()[0]).type), "f32[2, 8, 6, 6]");
  EXPECT_EQ(to_string(half.value(half.outputs()[0]).type), "f32[2, 3]");
  int narrow_values = 0, casts = 0;
  for (NodeId id : half.order()) {
    narrow_values +=
        half.value(half.node(id).outputs[0]).type.tensor.element == ElementType::f16 ? 1 : 0;
    casts += half.node(id).op.name() == "Cast" ? 1 : 0;
  }
  EXPECT_EQ(narrow_values, 6);
  EXPECT_EQ(casts, 2) << print(half);
  const std::vector<Tensor> inputs = {draw("f32[2, 8, 6, 6]", 1),
                                      Tensor::from<int64_t>({3}, {2, 0, 5})};
  expect_close(evaluate_graph(half, inputs)[0], evaluate_graph(graph, inputs)[0], 2e-3, 1e-3,
               "in halves");
}

TEST(Narrow, LeavesConstantsThatHalvesDoNotHold) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type(ElementType::f32, {4}));
  const ValueId large = graph.add_constant(Tensor::from<float>({1}, {1e6f}));
  const NodeId node = graph.add_node(ops::Elementwise(ops::Function::Mul), {x, large});
  graph.add_output(graph.node(node).outputs[0], "y");
  EXPECT_EQ(narrow(graph, ElementType::f16, emulated_gpu()->info()).order().size(), 1u);
  EXPECT_EQ(narrow(graph, ElementType::bf16, emulated_gpu()->info()).order().size(), 3u);
}

}  // namespace
}  // namespace drawbar::cuda
