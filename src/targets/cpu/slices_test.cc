#include "targets/cpu/slices.h"

#include <gtest/gtest.h>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/cpu/layout.h"
#include "targets/cpu/plan.h"
#include "targets/specialize.h"
#include "tests/support/op_case.h"
#include "tests/support/random_graph.h"

namespace drawbar::cpu {
namespace {

using Steps = std::vector<std::string>;

/// Runs the graph's plan and checks its answers; the operators of the plan's steps.
Steps steps_of(const std::string& body) {
  const Graph graph = optimize(parse("graph g(%x: f32[N, 6, 9, 9]) { " + body + " }"));
  std::vector<Tensor> inputs = random_inputs(graph, 7, 2);
  const std::vector<Tensor> want = evaluate_graph(graph, inputs);
  const PlanContext context{std::make_shared<PackedConstants>(), std::make_shared<TacticChooser>(),
                            TensorPool::make(), 2, isa()};
  Plan plan(assign_layouts(specialize_for(graph, {{"N", 2}}), isa()), context);
  ThreadPool pool(2);
  for (int run = 0; run < 2; ++run) {
    std::vector<Tensor> outputs(want.size());
    plan.run(inputs, outputs, {}, pool);
    for (size_t i = 0; i < want.size(); ++i)
      expect_close(outputs[i], want[i], 1e-4, 1e-5, fmt::format("output {}, run {}", i, run));
  }
  Steps steps;
  for (const StepReport& step : plan.report().steps) {
    if (step.op != "Reorder") steps.push_back(step.op);
  }
  return steps;
}

const std::string weights =
    "%w = const f32[5, 6, 1, 1] normal(0, 0.3, 1); %v = const f32[7, 6, 3, 3] normal(0, 0.2, 2)\n"
    "%u = const f32[4, 12, 1, 1] normal(0, 0.3, 3); %t = const f32[3, 6, 1, 1] normal(0, 0.3, 4)\n"
    "%a = Conv(%x, %w); %b = Conv(%x, %v) {pads_begin = [1, 1], pads_end = [1, 1]}\n";

TEST(Slices, ConvolutionsWriteIntoTheirConcatenation) {
  EXPECT_EQ(steps_of(weights + "%y = Concat(%a, %b) {axis = 1}; %z = Conv(%y, %u); return %z"),
            (Steps{"Conv", "Conv", "Conv"}));
}

TEST(Slices, LieInAnOuterConcatenation) {
  EXPECT_EQ(steps_of(weights +
                     "%y = Concat(%a, %b) {axis = 1}; %c = Conv(%x, %t)\n"
                     "%d = MaxPool(%x) {kernel = [3, 3], pads_begin = [1, 1], pads_end = [1, 1]}\n"
                     "%k = Concat(%d, %y, %c) {axis = 1}; %n = Sigmoid(%k); return %n"),
            (Steps{"Conv", "Conv", "Conv", "MaxPool", "Sigmoid"}));
}

TEST(Slices, AreCopiedWhereOthersReadThem) {
  EXPECT_EQ(steps_of(weights +
                     "%y = Concat(%a, %b) {axis = 1}; %z = Relu(%y); %p = GlobalAveragePool(%a)\n"
                     "return %z, %p"),
            (Steps{"Conv", "Conv", "Concat", "Relu", "GlobalAveragePool"}));
  EXPECT_EQ(steps_of(weights + "%y = Concat(%b, %a, %b) {axis = 1}; %z = Relu(%y); return %z"),
            (Steps{"Conv", "Conv", "Concat", "Relu"}));
}

TEST(Slices, MayLieInAnOutputOfTheGraph) {
  EXPECT_EQ(steps_of(weights + "%y = Concat(%b, %a) {axis = 1}; %z = Conv(%y, %u); return %y, %z"),
            (Steps{"Conv", "Conv", "Conv"}));
}

}  // namespace
}  // namespace drawbar::cpu
