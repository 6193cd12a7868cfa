#include "ir/graph.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"

namespace drawbar {
namespace {

ValueId named(const Graph& graph, std::string_view name) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (graph.value(id).name == name) return id;
  }
  return no_id;
}

const char* const diamond =
    "graph g(%x: f32[N, 4]) { %a = Relu(%x); %b = Neg(%a); %c = Abs(%a); %y = Add(%b, %c);"
    " %dead = Exp(%c); return %y }";

TEST(Graph, OrderFollowsDataAndRank) {
  const Graph graph = parse(diamond);
  std::vector<std::string> names;
  for (NodeId id : graph.order()) names.emplace_back(graph.node(id).op.name());
  EXPECT_EQ(names, (std::vector<std::string>{"Relu", "Neg", "Abs", "Add"}));
}

TEST(Graph, UsesFollowChanges) {
  Graph graph = parse(diamond);
  const ValueId a = named(graph, "a"), b = named(graph, "b"), x = named(graph, "x");
  EXPECT_EQ(graph.value(a).uses.size(), 2u);
  graph.replace_value(b, a);
  EXPECT_TRUE(graph.value(b).uses.empty());
  EXPECT_EQ(graph.value(a).uses.size(), 3u);
  verify(graph);
  graph.replace_value(a, a);
  EXPECT_EQ(graph.value(a).uses.size(), 3u);
  EXPECT_EQ(graph.remove_dead(), 2u);  // Neg and Exp
  EXPECT_EQ(graph.value(a).uses.size(), 2u);
  graph.set_input(graph.value(named(graph, "c")).producer, 0, x);
  EXPECT_EQ(graph.value(a).uses.size(), 1u);
  verify(graph);
}

TEST(Graph, ReplacingAnOutputMovesIt) {
  Graph graph = parse(diamond);
  graph.replace_value(named(graph, "y"), named(graph, "a"));
  EXPECT_EQ(graph.outputs()[0], named(graph, "a"));
  EXPECT_TRUE(graph.is_output(named(graph, "a")));
  EXPECT_EQ(graph.order().size(), 1u);
}

TEST(Graph, CompactKeepsWhatOutputsNeed) {
  Graph graph = parse(diamond);
  const Graph compact = graph.compact();
  EXPECT_EQ(compact.node_count(), 4u);
  EXPECT_EQ(compact.value_count(), 5u);
  EXPECT_EQ(print(compact), print(graph));
}

TEST(Graph, SpecializeBindsSymbols) {
  const Graph graph =
      parse("graph g(%x: f32[N, 2*H]) { %s = Shape(%x); %y = Relu(%x); return %y, %s }");
  const Graph bound = graph.specialize({{"N", 3}, {"H", 5}});
  EXPECT_EQ(to_string(bound.value(bound.outputs()[0]).type), "f32[3, 10]");
  EXPECT_EQ(bound.value(bound.outputs()[1]).content, (Dims{Dim(3), Dim(10)}));
  const Graph typed = graph.specialize({}, {Type(ElementType::f32, {Dim(1), Dim(2), Dim(3)})});
  EXPECT_EQ(to_string(typed.value(typed.outputs()[0]).type), "f32[1, 2, 3]");
  EXPECT_THROW(parse("graph g(%x: f32[N], %z: f32[3]) { %y = Add(%x, %z); return %y }")
                   .specialize({{"N", 2}}),
               Error);
}

TEST(Graph, VerifyFindsBrokenTypes) {
  Graph graph = parse(diamond);
  graph.set_type(named(graph, "a"), Type(ElementType::f32, {Dim::symbol("N"), Dim(5)}));
  EXPECT_THROW(verify(graph), Error);
}

TEST(Graph, ErrorsNameTheNode) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type(ElementType::f32, {Dim(2)}));
  const ValueId z = graph.add_input("z", Type(ElementType::f32, {Dim(3)}));
  try {
    graph.add_node(Op::named("Add", {}), {x, z}, 1, "layer1.add");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("node 'layer1.add' (Add)"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace drawbar
