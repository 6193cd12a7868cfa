#include "targets/cuda/tactic.h"

#include <gtest/gtest.h>

#include "targets/cuda/select.h"

namespace drawbar::cuda {
namespace {

// An operator that only these tests know, with tactics by which it is seen who was asked.
int asked = 0;
bool quick_takes = true;

bool quick_applies(const Problem&) { return quick_takes; }
bool slow_applies(const Problem&) { return ++asked > 0; }
double dear(const Problem&) { return 2; }
double cheap(const Problem&) { return 1; }

DRAWBAR_CUDA_TACTIC(slow, .op = "PlannedLong", .name = "slow", .applies = slow_applies,
                    .seconds = cheap, .plans_long = true);
DRAWBAR_CUDA_TACTIC(quick, .op = "PlannedLong", .name = "quick", .applies = quick_applies,
                    .seconds = dear);

class PlannedLong : public ::testing::Test {
 protected:
  PlannedLong() : op(schema, nullptr) {
    asked = 0;
    quick_takes = true;
  }
  std::string_view chosen(TacticChooser& chooser) const { return chooser.choose(problem)->name; }

  OpSchema schema{.name = "PlannedLong", .type = typeid(int), .attributes = [](const void*) {
                    return Attributes();
                  }};
  Op op;
  GpuInfo gpu = emulated_gpu()->info();
  PackedConstants packed;
  const Problem problem{op, {}, {}, gpu, packed};
};

TEST_F(PlannedLong, IsNotAskedWhereNothingWasTimed) {
  TacticChooser chooser;
  EXPECT_EQ(chosen(chooser), "quick");
  EXPECT_TRUE(some_tactic_takes(op, {}, {}, gpu));
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(candidates(problem).size(), 2U);
  EXPECT_EQ(asked, 1);
}

TEST_F(PlannedLong, IsAskedWhereItIsTheOnlyOne) {
  quick_takes = false;
  TacticChooser chooser;
  EXPECT_EQ(chosen(chooser), "slow");
  EXPECT_TRUE(some_tactic_takes(op, {}, {}, gpu));
}

TEST_F(PlannedLong, IsTakenWhereItWasTheFastest) {
  TacticChooser chooser({{problem_key(problem), "slow"}});
  EXPECT_EQ(chosen(chooser), "slow");
  EXPECT_EQ(asked, 1);
}

TEST_F(PlannedLong, IsNotAskedWhereAnotherWasTheFastest) {
  TacticChooser chooser({{problem_key(problem), "quick"}});
  EXPECT_EQ(chosen(chooser), "quick");
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace drawbar::cuda
