#include "targets/cuda/lanes.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "targets/cuda/layout.h"
#include "tests/support/cuda_plan_context.h"

namespace drawbar::cuda {
namespace {

using Reads = std::vector<std::vector<int>>;

/// Each step reads one or two of the ten before it.
Reads random_reads(std::mt19937& random, int steps) {
  Reads reads(static_cast<size_t>(steps));
  for (int step = 1; step < steps; ++step) {
    std::set<int> read;
    for (int i = 0; i < 2; ++i) {
      const int back = std::uniform_int_distribution(1, std::min(step, 10))(random);
      read.insert(step - back);
    }
    reads[static_cast<size_t>(step)].assign(read.begin(), read.end());
  }
  return reads;
}

/// What the lanes promise, walked through from the waits alone.
void check(const Lanes& lanes, const Reads& reads) {
  const int steps = static_cast<int>(reads.size());
  std::vector<std::set<int>> before(reads.size());
  std::vector<int> last(Lanes::most, -1);
  for (int step = 0; step < steps; ++step) {
    auto& its = before[static_cast<size_t>(step)];
    const auto follow = [&](int earlier) {
      its.insert(earlier);
      const auto& more = before[static_cast<size_t>(earlier)];
      its.insert(more.begin(), more.end());
    };
    int& previous = last[static_cast<size_t>(lanes.lane(step))];
    if (previous >= 0) follow(previous);
    previous = step;
    for (int wait : lanes.waits(step)) {
      EXPECT_TRUE(lanes.is_waited_for(wait));
      EXPECT_NE(lanes.lane(wait), lanes.lane(step));
      EXPECT_FALSE(its.count(wait)) << "for nothing";
      follow(wait);
    }
    for (int read : reads[static_cast<size_t>(step)]) EXPECT_TRUE(its.count(read));
    for (int other = 0; other < steps; ++other)
      EXPECT_EQ(lanes.is_before(other, step), its.count(other) > 0) << other << " " << step;
  }
}

TEST(CudaLanes, StepsWaitForWhatTheyReadAndForNothingElse) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    const Reads reads = random_reads(random, 70);
    check(Lanes(reads), reads);
  }
}

TEST(CudaLanes, AChainHasOneBranchesHaveSeveral) {
  EXPECT_EQ(Lanes({{}, {0}, {1}, {2}}).count(), 1);
  EXPECT_EQ(Lanes::in_order(5).count(), 1);
  EXPECT_EQ(Lanes::in_order(0).count(), 1);
  // 0 → 1 → 2 and 0 → 3 → 4, then both: the second branch has a lane of its own.
  const Lanes fork({{}, {0}, {1}, {0}, {3}, {2, 4}});
  EXPECT_EQ(fork.count(), 2);
  EXPECT_EQ(fork.lane(2), 0);
  EXPECT_EQ(fork.lane(4), 1);
  EXPECT_EQ(fork.waits(3), std::vector<int>{0});
  EXPECT_EQ(fork.waits(5).size(), 1u);
  // Ten branches share the lanes there are.
  Reads many(11);
  for (size_t i = 1; i < many.size(); ++i) many[i] = {0};
  EXPECT_EQ(Lanes(many).count(), Lanes::most);
}

/// Sums and products of [64] with the reads given: few kernels, many values that share memory.
Graph random_plan_graph(std::mt19937& random, int steps) {
  std::string text = "graph main(%x: f32[64]) {\n";
  const auto name = [](int step) { return step < 0 ? "%x" : "%v" + std::to_string(step); };
  const Reads reads = random_reads(random, steps);
  std::set<int> unread;
  for (int step = 0; step < steps; ++step) {
    const auto& read = reads[static_cast<size_t>(step)];
    const int a = read.empty() ? -1 : read[0], b = read.size() < 2 ? -1 : read[1];
    text += "  " + name(step) + ": f32[64] = " + (step % 3 ? "Add" : "Sub") + "(" + name(a) + ", " +
            name(b) + ")\n";
    unread.erase(a), unread.erase(b), unread.insert(step);
  }
  text += "  return ";
  for (int step : unread) text += name(step) + (step == *unread.rbegin() ? "\n}\n" : ", ");
  return parse(text);
}

TEST(CudaLanes, BranchesSideBySideGiveTheSameInAnyOrder) {
  PlanContext context = plan_context(emulated_gpu());
  ThreadPool pool(1);
  std::mt19937 random(7);
  for (int round = 0; round < 10; ++round) {
    const Graph graph = random_plan_graph(random, 40);
    std::vector<float> numbers(64);
    for (float& number : numbers) number = std::uniform_real_distribution<float>(-1, 1)(random);
    const std::vector<Tensor> inputs = {Tensor::from<float>({64}, numbers)};
    const std::vector<Tensor> want = evaluate_graph(graph, inputs);
    Plan plan(laid_out(graph, context.info), context);
    EXPECT_GT(plan.lanes(), 1);
    for (const bool reversed : {false, true, true, false}) {
      emulate_in_reverse(reversed);
      std::vector<Tensor> outputs(want.size());
      plan.run(inputs, outputs, {}, pool);
      emulate_in_reverse(false);
      for (size_t i = 0; i < want.size(); ++i)
        EXPECT_TRUE(outputs[i].identical(want[i])) << round << " " << i << "\n" << print(graph);
    }
    EXPECT_EQ(plan.profile(inputs, pool).steps.size(), 42u);  // in order, with two copies
  }
}

TEST(CudaLanes, WhatWasMeasuredDecides) {
  PlanContext context = plan_context(emulated_gpu());
  std::mt19937 random(3);
  const Graph graph = laid_out(random_plan_graph(random, 12), context.info);
  EXPECT_GT(Plan(graph, context).lanes(), 1);  // the emulation's own choice
  context.time_tactics = true;
  const Plan timed(graph, context);
  const auto choices = context.chooser->choices();
  const auto found = std::find_if(choices.begin(), choices.end(), [](const auto& choice) {
    return choice.first.starts_with("branches ");
  });
  ASSERT_NE(found, choices.end());
  EXPECT_EQ(timed.lanes() > 1, found->second == "side_by_side");
  for (const char* choice : {"in_order", "side_by_side"}) {
    context.chooser =
        std::make_shared<TacticChooser>(std::map<std::string, std::string>{{found->first, choice}});
    EXPECT_EQ(Plan(graph, context).lanes() > 1, choice == std::string("side_by_side"));
  }
}

}  // namespace
}  // namespace drawbar::cuda
