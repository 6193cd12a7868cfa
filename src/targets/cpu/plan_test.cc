#include "targets/cpu/plan.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "targets/cpu/layout.h"
#include "tests/support/op_case.h"

namespace drawbar::cpu {
namespace {

/// A convolution of as many columns as x has elements that are not 0.
Graph convolution_of_unknown_width() {
  Graph graph = parse(
      "graph g(%x: f32[4096], %w: f32[256, 1, 1, 3]) {\n"
      "  %i = NonZero(%x); %f = Cast(%i) {to = f32}\n"
      "  %shape = const i64[4] [1, 1, 1, -1]; %r = Reshape(%f, %shape)\n"
      "  %y = Conv(%r, %w); return %y }");
  const ValueId w = graph.inputs()[1];
  graph.replace_value(w, graph.add_constant(draw("f32[256, 1, 1, 3]", 3)));
  return graph;
}

bool names_a_convolution(const std::map<std::string, std::string>& choices) {
  return std::any_of(choices.begin(), choices.end(), [](const auto& choice) {
    return choice.first.starts_with("Conv ") && choice.second.starts_with("conv_");
  });
}

TEST(Plan, RehearsalTimesTacticsForShapesThatDependOnData) {
  ThreadPool pool(1);
  for (bool timed : {true, false}) {
    PlanContext context{std::make_shared<PackedConstants>(), std::make_shared<TacticChooser>(),
                        TensorPool::make(), 1, isa()};
    context.timing_pool = timed ? &pool : nullptr;
    Plan plan(assign_layouts(convolution_of_unknown_width(), isa()), context);
    EXPECT_FALSE(names_a_convolution(context.chooser->choices()));
    plan.rehearse(pool);
    EXPECT_EQ(names_a_convolution(context.chooser->choices()), timed);
    EXPECT_GT(context.packed->bytes(), 0U) << "the winner's weights are kept";
  }
}

}  // namespace
}  // namespace drawbar::cpu
