#include "ir/rewrite.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace drawbar {
namespace {

TEST(Patch, NewNodesTakeThePlaceAndTheName) {
  Graph graph = parse("graph g(%x: f32[N]) { %a = Relu(%x); %b = Neg(%a); return %b }");
  const NodeId relu = 0;
  const ValueId a = graph.node(relu).outputs[0];
  Patch patch(graph, relu);
  EXPECT_FALSE(patch);
  const ValueId half = patch.constant(Tensor::from<float>({}, {0.5f}));
  const ValueId scaled = patch.add(Op::named("Mul", {}), {graph.inputs()[0], half});
  const ValueId result = patch.add(Op::named("Abs", {}), {scaled});
  EXPECT_EQ(to_string(patch.type(result)), "f32[N]");
  patch.replace(a, result);
  EXPECT_TRUE(patch);
  std::move(patch).apply(graph);
  graph.remove_dead();
  verify(graph);
  EXPECT_EQ(graph.value(result).name, "a");
  std::vector<std::string> names;
  for (NodeId id : graph.order()) names.emplace_back(graph.node(id).op.name());
  EXPECT_EQ(names, (std::vector<std::string>{"Mul", "Abs", "Neg"}));
}

TEST(Patch, KeepsTheNameThatIsGiven) {
  Graph graph = parse("graph g(%x: f32[N]) { %a = Relu(%x); %b = Neg(%a); return %b }");
  Patch patch(graph, 0);
  const ValueId result = patch.add(Op::named("Abs", {}), {graph.inputs()[0]});
  patch.name(result, "c");
  patch.replace(graph.node(0).outputs[0], result);
  std::move(patch).apply(graph);
  EXPECT_EQ(graph.value(result).name, "c");
}

TEST(Patch, ReplacesByAnOldValue) {
  Graph graph = parse("graph g(%x: f32[N]) { %a = Identity(%x); return %a }");
  Patch patch(graph, 0);
  patch.replace(graph.outputs()[0], graph.inputs()[0]);
  std::move(patch).apply(graph);
  EXPECT_EQ(graph.outputs()[0], graph.inputs()[0]);
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "x");
  EXPECT_TRUE(graph.order().empty());
  verify(graph);
}

TEST(Patch, SeveralReplacements) {
  Graph graph = parse("graph g(%x: f32[4]) { %a, %b = Split(%x) {axis = 0}; return %a, %b, %x }");
  const std::vector<ValueId> outputs = graph.node(0).outputs;
  Patch patch(graph, 0);
  const auto halves = patch.add_all(graph.node(0).op, {graph.inputs()[0]}, 2);
  patch.replace(outputs[0], halves[1]);
  patch.replace(outputs[1], halves[0]);
  std::move(patch).apply(graph);
  graph.remove_dead();
  verify(graph);
  EXPECT_EQ(graph.outputs()[0], halves[1]);
  EXPECT_EQ(graph.order().size(), 1u);
}

}  // namespace
}  // namespace drawbar
