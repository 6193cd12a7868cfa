#include "targets/partition.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "targets/partitioned_program.h"

namespace drawbar {
namespace {

/// Runs everything but some operators, at a price for each piece, on the host's own kernels.
class Picky final : public Target {
 public:
  explicit Picky(std::set<std::string, std::less<>> refused, double seconds = 0)
      : refused_(std::move(refused)), seconds_(seconds) {}

  std::string name() const override { return "picky"; }
  std::optional<std::string> refuses(const Graph& graph, NodeId node) const override {
    if (refused_.count(graph.node(node).op.name())) return "it is not to its taste";
    return std::nullopt;
  }
  double estimate(const Graph&, int) const override { return seconds_; }
  std::shared_ptr<Program> compile(GraphPtr graph, const CompileOptions& options) const override {
    return host_target().compile(std::move(graph), options);
  }
  std::shared_ptr<Program> load(GraphPtr graph, ProgramImage image) const override {
    return host_target().load(std::move(graph), std::move(image));
  }
  const Device& device() const override { return host_target().device(); }

 private:
  std::set<std::string, std::less<>> refused_;
  double seconds_;
};

/// Two branches: one needs Softmax in the middle, the other does not.
Graph two_branches() {
  return parse(R"(graph main(%x: f32[4, 8]) {
  %a: f32[4, 8] = Relu(%x)
  %b: f32[4, 8] = Softmax(%a)
  %c: f32[4, 8] = Sigmoid(%b)
  %d: f32[4, 8] = Exp(%x)
  %e: f32[4, 8] = Add(%c, %d)
  return %e, %a
}
)");
}

TEST(Partition, CutsWhereTheTargetRefuses) {
  const Picky target({"Softmax"});
  const Partition parts = partition(two_branches(), target, host_target(), 1, false);
  ASSERT_EQ(parts.pieces.size(), 3u);
  EXPECT_EQ(parts.pieces[0].target, &target);
  EXPECT_EQ(parts.pieces[0].graph.order().size(), 2u);  // Relu, Exp
  EXPECT_EQ(parts.pieces[1].target, &host_target());
  EXPECT_EQ(parts.pieces[1].graph.order().size(), 1u);
  EXPECT_EQ(parts.pieces[2].graph.order().size(), 2u);
  EXPECT_EQ(parts.pieces[2].inputs.size(), 2u);
  ASSERT_EQ(parts.left.size(), 1u);
  EXPECT_EQ(parts.left[0].op, "Softmax");
  EXPECT_EQ(parts.left[0].reason, "it is not to its taste");
}

TEST(Partition, OfWhatTheTargetTakesMakesOnePiece) {
  const Picky target({});
  const Partition parts = partition(two_branches(), target, host_target(), 1, false);
  ASSERT_EQ(parts.pieces.size(), 1u);
  EXPECT_EQ(parts.pieces[0].outputs.size(), 2u);
  EXPECT_TRUE(parts.left.empty());
}

TEST(Partition, LeavesToTheHostWhatDoesNotPay) {
  const Picky target({"Softmax"}, 1.0);
  const Partition parts = partition(two_branches(), target, host_target(), 1, true);
  ASSERT_EQ(parts.pieces.size(), 1u);
  EXPECT_EQ(parts.pieces[0].target, &host_target());
  EXPECT_EQ(parts.left.size(), 5u);
  EXPECT_NE(parts.left[1].reason.find("ms"), std::string::npos);
}

TEST(PartitionedProgram, GivesWhatTheWholeGives) {
  const Picky target({"Softmax"});
  const auto graph = std::make_shared<const Graph>(two_branches());
  CompileOptions options;
  options.profiles = {{{4, 8}}};
  options.time_tactics = false;
  options.wherever_it_can = true;
  const auto whole = host_target().compile(graph, options);
  const auto parted = compile_for(target, graph, options);
  const auto loaded = load_for(target, graph, parted->save());
  std::vector<float> numbers(32);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) * 0.1f - 1.5f;
  const std::vector<Tensor> inputs = {Tensor::from<float>({4, 8}, numbers)};
  ThreadPool pool(1);
  std::vector<Tensor> want(2), got(2), again(2);
  again[0] = Tensor::allocate(ElementType::f32, {4, 8});  // written in place
  const void* place = again[0].raw();
  whole->instantiate(inputs, 1)->run(inputs, want, {}, pool);
  const auto executor = parted->instantiate(inputs, 1);
  executor->run(inputs, got, {}, pool);
  loaded->instantiate(inputs, 1)->run(inputs, again, {}, pool);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(want[i].identical(got[i])) << i;
    EXPECT_TRUE(want[i].identical(again[i])) << i;
  }
  EXPECT_EQ(again[0].raw(), place);
  const PlanReport report = executor->report();
  EXPECT_EQ(report.steps.size(), 3u);
  EXPECT_EQ(report.steps[1].target, "cpu");
  EXPECT_EQ(report.left_behind.size(), 1u);
  EXPECT_EQ(executor->profile(inputs, pool).steps.size(), 3u);
}

}  // namespace
}  // namespace drawbar
