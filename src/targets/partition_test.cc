#include "targets/partition.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "targets/partition_padded.h"
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

/// Its size depends on data before and behind the cut.
Graph selection() {
  return parse(R"(graph main(%x: f32[1, 6, 4], %s: f32[1, 2, 6]) {
  %b: f32[1, 6, 4] = Exp(%x)
  %most = const i64[1] [2]
  %limit = const f32[1] [0.25]
  %n: i64[?selected, 3] = NonMaxSuppression(%b, %s, %most, %limit) "nms"
  %f: f32[?selected, 3] = Cast(%n) {to = f32}
  return %f, %b
}
)");
}

TEST(PartitionPadded, GivesTheTargetSelectionsOfAFixedSize) {
  const Picky target({"NonMaxSuppression", "Slice", "Cast"});
  const auto [graph, parts] = partition_padded(selection(), target, host_target(), 1, false);
  ASSERT_EQ(parts.pieces.size(), 2u);
  EXPECT_EQ(parts.pieces[0].target, &target);
  EXPECT_EQ(parts.pieces[0].outputs.size(), 3u);  // boxes, rows, their count
  const Node& padded = graph.node(graph.value(parts.pieces[0].outputs[1]).producer);
  EXPECT_EQ(padded.op.name(), "NonMaxSuppressionPadded");
  EXPECT_EQ(graph.value(padded.outputs[0]).type.tensor.shape(), (Shape{4, 3}));
  EXPECT_EQ(parts.pieces[1].inputs.size(), 2u);  // not the scores
  ASSERT_EQ(parts.left.size(), 2u);
  EXPECT_EQ(parts.left[0].op, "Slice");
}

TEST(PartitionPadded, LeavesSelectionsThatTheTargetDoesNotGet) {
  const std::set<std::string, std::less<>> refused = {"NonMaxSuppression", "Cast"};
  auto more = refused;
  more.insert("NonMaxSuppressionPadded");
  const Picky without(more), dear(refused, 1.0);
  for (const auto& [target, pays, reason] :
       {std::tuple(&without, false, "it is not to its taste"), std::tuple(&dear, true, "ms")}) {
    const auto [graph, parts] = partition_padded(selection(), *target, host_target(), 1, pays);
    size_t found = 0;
    for (const LeftToHost& left : parts.left) {
      EXPECT_NE(left.op, "NonMaxSuppressionPadded");
      if (left.op != "NonMaxSuppression") continue;
      ++found;
      EXPECT_NE(left.reason.find(reason), std::string::npos) << left.reason;
    }
    EXPECT_EQ(found, 1u);
    EXPECT_EQ(graph.order().size(), 3u);
  }
}

/// Whether the whole and its pieces answer alike.
void expect_same_selection(const Picky& target, const Tensor& boxes, const Tensor& scores) {
  const auto graph = std::make_shared<const Graph>(selection());
  CompileOptions options;
  options.profiles = {{{1, 6, 4}, {1, 2, 6}}};
  options.time_tactics = false;
  options.wherever_it_can = true;
  ThreadPool pool(1);
  std::vector<Tensor> want(2), got(2);
  const std::vector<Tensor> inputs = {boxes, scores};
  host_target().compile(graph, options)->instantiate(inputs, 1)->run(inputs, want, {}, pool);
  compile_for(target, graph, options)->instantiate(inputs, 1)->run(inputs, got, {}, pool);
  for (size_t i = 0; i < 2; ++i) EXPECT_TRUE(want[i].identical(got[i])) << i;
}

TEST(PartitionPadded, GivesWhatTheWholeGives) {
  const Picky target({"NonMaxSuppression", "Slice", "Cast"});
  const Tensor scores = Tensor::from<float>({1, 2, 6}, {1, 3, 2, 0, 5, 4, 6, 6, 6, 2, 1, 7});
  std::vector<float> corners(24, 0);
  for (size_t i = 0; i < 24; ++i) corners[i] = static_cast<float>(i * 7 % 11) * 0.3f;
  expect_same_selection(target, Tensor::from<float>({1, 6, 4}, corners), scores);
  for (size_t i = 0; i < 24; ++i) corners[i] = i % 4 < 2 ? 0.0f : 1.0f;  // one a class remains
  expect_same_selection(target, Tensor::from<float>({1, 6, 4}, corners), scores);
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
