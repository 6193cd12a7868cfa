#include "targets/cpu/fuse_behind_conv.h"

#include <gtest/gtest.h>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "targets/cpu/layout.h"
#include "targets/cpu/plan.h"
#include "tests/support/op_case.h"
#include "tests/support/random_graph.h"

namespace drawbar::cpu {
namespace {

using Steps = std::vector<std::string>;

/// A graph of 1,024 channels (4 KiB a pixel) on images of `side` pixels, its weights being drawn.
Graph graph_of(int64_t side, const std::string& body) {
  const auto weights = [](const std::string& type) { return draw(type, 3).clone(); };
  Graph graph = parse(fmt::format(
      "graph g(%x: f32[2, 3, {0}, {0}], %w: f32[1024, 3, 1, 1], %v: f32[1024, 1, 3, 3]) {{ {1} }}",
      side, body));
  for (size_t i : {1, 2}) {
    const ValueId id = graph.inputs()[i];
    graph.replace_value(id, graph.add_constant(weights(to_string(graph.value(id).type))));
  }
  return graph;
}

/// Runs the plan of the fused graph and checks its answers; the operators of its steps.
Steps steps_of(const Graph& graph, double atol = 1e-5) {
  std::vector<Tensor> inputs = random_inputs(graph, 7, 2);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = graph.value(graph.inputs()[i]).type;
    if (type.tensor.element != ElementType::f32) inputs[i] = draw(to_string(type), 7, 0, 100);
  }
  const std::vector<Tensor> want = evaluate_graph(graph, inputs);
  const PlanContext context{std::make_shared<PackedConstants>(), std::make_shared<TacticChooser>(),
                            TensorPool::make(), 2, isa()};
  Plan plan(fuse_behind_conv(assign_layouts(graph, isa()), isa()), context);
  ThreadPool pool(2);
  std::vector<Tensor> outputs(want.size());
  plan.run(inputs, outputs, {}, pool);
  for (size_t i = 0; i < want.size(); ++i)
    expect_close(outputs[i], want[i], 1e-4, atol, fmt::format("output {}", i));
  Steps steps;
  for (const StepReport& step : plan.report().steps) {
    if (step.op != "Reorder") steps.push_back(step.op);
  }
  return steps;
}

const std::string pair =
    "%m = Conv(%x, %w); %y = Conv(%m, %v) {group = 1024, pads_begin = [1, 1], pads_end = [1, 1]}; ";

int64_t large_side() {
  int64_t side = 16;
  while (4096 * side * side <= cache_sizes().l2 / 2) ++side;
  return side;
}

TEST(FuseBehindConv, JoinsWhatIsTooLargeForTheCache) {
  EXPECT_EQ(steps_of(graph_of(large_side(), pair + "return %y")), Steps{"ConvDepthwise"});
}

/// As graph_of() with a projection to 8 channels, whose weights are %u.
Graph projected_graph_of(int64_t side, const std::string& body) {
  Graph graph = parse(fmt::format(
      "graph g(%x: f32[2, 3, {0}, {0}], %w: f32[1024, 3, 1, 1], %v: f32[1024, 1, 3, 3], %u: f32[8, "
      "1024, 1, 1]) {{ {1} }}",
      side, body));
  for (size_t i : {1, 2, 3}) {
    const ValueId id = graph.inputs()[i];
    const Tensor weights = draw(to_string(graph.value(id).type), 3).clone();
    graph.replace_value(id, graph.add_constant(weights));
  }
  return graph;
}

TEST(FuseBehindConv, JoinsTheProjectionBehindIt) {
  const int64_t side = large_side();
  const std::string sum = "%z = Conv(%y, %u, _, %r) {post = \"x2 = Add(x0, x1)\"}; return %z";
  const std::string residual = "%r = Conv(%y, %u); ";
  EXPECT_EQ(steps_of(projected_graph_of(side, pair + "%z = Conv(%y, %u); return %z"), 1e-3),
            Steps{"ConvDepthwise"});
  EXPECT_EQ(steps_of(projected_graph_of(side, pair + residual + sum), 1e-3),
            (Steps{"ConvDepthwise", "Conv", "Conv"}));
  EXPECT_EQ(steps_of(projected_graph_of(side, pair + "%z = Conv(%y, %u); return %z, %y"), 1e-3),
            (Steps{"ConvDepthwise", "Conv"}));
  EXPECT_EQ(
      steps_of(projected_graph_of(side, pair + "%z = Conv(%y, %u) {strides = [2, 2]}; return %z"),
               1e-3),
      (Steps{"ConvDepthwise", "Conv"}));
}

TEST(FuseBehindConv, LeavesWhatFits) {
  EXPECT_EQ(steps_of(graph_of(4, pair + "return %y")), (Steps{"Conv", "Conv"}));
}

TEST(FuseBehindConv, LeavesWhatOthersRead) {
  const int64_t side = large_side();
  EXPECT_EQ(steps_of(graph_of(side, pair + "return %y, %m")), (Steps{"Conv", "Conv"}));
  EXPECT_EQ(steps_of(graph_of(side, pair + "%z = Relu(%m); return %y, %z")),
            (Steps{"Conv", "Conv", "Relu"}));
}

TEST(FuseBehindConv, LeavesProgramsThatReadMore) {
  const Graph graph =
      graph_of(large_side(),
               "%m = Conv(%x, %w); %y = Conv(%m, %v, _, %m) {group = 1024, pads_begin = [1, 1], "
               "pads_end = [1, 1], post = \"x2 = Add(x0, x1)\"}; return %y");
  EXPECT_EQ(steps_of(graph), (Steps{"Conv", "Conv"}));
}

/// The operators of a plan with a convolution of 3 × 3 and what reads it.
Steps pooled_steps_of(const std::string& body) {
  Graph graph =
      parse(fmt::format("graph g(%x: f32[1, 16, 9, 12], %w: f32[32, 16, 3, 3]) {{ {} }}", body));
  const ValueId id = graph.inputs()[1];
  graph.replace_value(id, graph.add_constant(draw("f32[32, 16, 3, 3]", 3).clone()));
  return steps_of(graph, 1e-3);  // Winograd's errors go by the largest outputs, about 30
}

TEST(FuseBehindConv, JoinsPoolingThatFitsTiles) {
  const std::string conv = "%m = Conv(%x, %w) {pads_begin = [1, 1], pads_end = [1, 1]}; ";
  const std::string halves = "{kernel = [2, 2], strides = [2, 2]}; ";
  EXPECT_EQ(pooled_steps_of(conv + "%y = MaxPool(%m) " + halves + "return %y"), Steps{"ConvPool"});
  EXPECT_EQ(pooled_steps_of(conv + "%y = AveragePool(%m) " + halves + "return %y"),
            (Steps{"Conv", "AveragePool"}));
  EXPECT_EQ(pooled_steps_of(conv + "%y = MaxPool(%m) " + halves + "return %y, %m"),
            (Steps{"Conv", "MaxPool"}));
  EXPECT_EQ(
      pooled_steps_of(conv + "%y = MaxPool(%m) {kernel = [3, 3], strides = [2, 2]}; return %y"),
      (Steps{"Conv", "MaxPool"}));
  EXPECT_EQ(pooled_steps_of("%m = Conv(%x, %w) {strides = [2, 2]}; %y = MaxPool(%m) " + halves +
                            "return %y"),
            (Steps{"Conv", "MaxPool"}));
}

/// The operators of a plan with quantised convolutions %a and %b of %x and what becomes of them.
Steps added_steps_of(const std::string& body) {
  const std::string conv = "QLinearConv(%x, %s, %z, %w, %s, %v, %s, %z, _)";
  Graph graph = parse(fmt::format(
      "graph g(%x: u8[1, 16, 5, 6], %w: i8[16, 16, 1, 1], %s: f32[], %z: u8[], %v: i8[]) {{ "
      "%a = {0}; %b = {0} {{strides = [1, 1]}}; {1} }}",
      conv, body));
  const std::string drawn[] = {"i8[16, 16, 1, 1]", "f32[] = [0.5]", "u8[] = [20]", "i8[] = [0]"};
  for (size_t i = 4; i >= 1; --i) {
    const ValueId id = graph.inputs()[i];
    graph.replace_value(id, graph.add_constant(draw(drawn[i - 1], 3).clone()));
  }
  return steps_of(graph, 1);
}

TEST(FuseBehindConv, JoinsSumsOfBytesToTheLaterConvolution) {
  const auto sum = [](const std::string& a, const std::string& b) {
    return fmt::format("%y = QLinearAdd({}, %s, %z, {}, %s, %z, %s, %z); ", a, b);
  };
  const Steps joined = {"QLinearConv", "QLinearConvAdd"};
  EXPECT_EQ(added_steps_of(sum("%a", "%b") + "return %y"), joined);
  EXPECT_EQ(added_steps_of(sum("%b", "%x") + "return %y, %a"), joined);
  EXPECT_EQ(added_steps_of(sum("%a", "%b") + "return %y, %b"), joined);
  const Steps apart = {"QLinearConv", "QLinearConv", "QLinearAdd"};
  EXPECT_EQ(added_steps_of(sum("%a", "%a") + "return %y, %b"), apart);
  EXPECT_EQ(added_steps_of(sum("%a", "%b") + "return %y, %a, %b"), apart);
}

}  // namespace
}  // namespace drawbar::cpu
