#include "targets/partition.h"

#include <cstring>
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

/// A memory of its own, which is the host's under another name, and what was copied from and to it.
class ApartDevice final : public Device {
 public:
  static constexpr Place place{Place::Kind::cuda, 0};
  std::string description() const override { return "apart"; }
  std::string requirement() const override { return ""; }
  bool satisfies(std::string_view) const override { return true; }
  DeviceRates measure(int, Measure) const override { return {}; }
  std::vector<Place> memories() const override { return {place}; }
  Tensor allocate(const Place& where, ElementType type, Shape shape) const override {
    const Tensor memory = Tensor::allocate(type, std::move(shape));
    return seen_from(where, memory);
  }
  void copy(const Tensor& from, Tensor& to) const override {
    ++copies;
    std::memcpy(to.raw(), from.raw(), static_cast<size_t>(from.bytes()));
  }
  static Tensor seen_from(const Place& where, const Tensor& tensor) {
    return Tensor::view(tensor.type(), tensor.shape(), const_cast<void*>(tensor.raw()),
                        std::make_shared<Tensor>(tensor), where);
  }
  mutable int copies = 0;
};

/// Executors of the host that take tensors of that memory.
class ApartProgram final : public Program {
 public:
  explicit ApartProgram(std::shared_ptr<Program> own) : own_(std::move(own)) {}
  const Graph& graph() const override { return own_->graph(); }
  ProgramImage save() const override { return own_->save(); }
  std::vector<PlanReport> inspect() const override { return own_->inspect(); }
  void tune(const CompileOptions& options) override { own_->tune(options); }
  std::map<std::string, std::string> timings() const override { return own_->timings(); }
  std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) override {
    return std::make_shared<ApartExecutor>(own_->instantiate(inputs, threads));
  }
  static inline int outputs_there = 0;

 private:
  class ApartExecutor final : public Executor {
   public:
    explicit ApartExecutor(std::shared_ptr<Executor> own) : own_(std::move(own)) {}
    bool takes(const Place&) const override { return true; }
    void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
             ThreadPool& pool) override {
      std::vector<Tensor> given, results;
      for (const Tensor& input : inputs) given.push_back(ApartDevice::seen_from({}, input));
      for (const Tensor& output : outputs) {
        results.push_back(output.has_value() ? ApartDevice::seen_from({}, output) : Tensor());
        outputs_there += output.is_on_host() ? 0 : 1;
      }
      own_->run(given, results, control, pool);
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (outputs[i].is_on_host()) outputs[i] = results[i];
      }
    }
    PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override {
      return own_->profile(inputs, pool);
    }
    PlanReport report() const override { return own_->report(); }

   private:
    std::shared_ptr<Executor> own_;
  };
  std::shared_ptr<Program> own_;
};

class Apart final : public Target {
 public:
  std::string name() const override { return "apart"; }
  std::optional<std::string> refuses(const Graph& graph, NodeId node) const override {
    if (graph.node(node).op.name() == "Softmax") return "it is not to its taste";
    return std::nullopt;
  }
  double estimate(const Graph&, int) const override { return 0; }
  std::shared_ptr<Program> compile(GraphPtr graph, const CompileOptions& options) const override {
    CompileOptions alone = options;
    alone.shares = nullptr;
    return std::make_shared<ApartProgram>(host_target().compile(std::move(graph), alone));
  }
  std::shared_ptr<Program> load(GraphPtr graph, ProgramImage image) const override {
    return std::make_shared<ApartProgram>(host_target().load(std::move(graph), std::move(image)));
  }
  const ApartDevice& device() const override { return device_; }

 private:
  ApartDevice device_;
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

TEST(PartitionedProgram, WhatPassesBetweenPiecesOfATargetStaysThere) {
  const Apart target;
  // %a is read on both sides, %d by the target alone, %e is given out of its memory.
  const auto graph = std::make_shared<const Graph>(parse(R"(graph main(%x: f32[4, 8]) {
  %a: f32[4, 8] = Relu(%x)
  %b: f32[4, 8] = Softmax(%a)
  %c: f32[4, 8] = Add(%b, %a)
  %d: f32[4, 1] = ReduceSum(%x) {axes = [1]}
  %e: f32[4, 8] = Add(%c, %d)
  return %e, %a
}
)"));
  CompileOptions options;
  options.profiles = {{{4, 8}}};
  options.time_tactics = false;
  options.wherever_it_can = true;
  std::vector<float> numbers(32);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) * 0.1f - 1.5f;
  const std::vector<Tensor> inputs = {Tensor::from<float>({4, 8}, numbers)};
  ThreadPool pool(1);
  std::vector<Tensor> want(2), got(2);
  host_target().compile(graph, options)->instantiate(inputs, 1)->run(inputs, want, {}, pool);
  const auto executor = compile_for(target, graph, options)->instantiate(inputs, 1);
  ApartProgram::outputs_there = 0;
  executor->run(inputs, got, {}, pool);
  EXPECT_EQ(ApartProgram::outputs_there, 2);  // %a, %d
  EXPECT_EQ(target.device().copies, 2);       // %a for Softmax and for the caller
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(got[i].is_on_host());
    EXPECT_TRUE(want[i].identical(got[i])) << i;
  }
  // The caller's own tensors there.
  EXPECT_TRUE(executor->takes(ApartDevice::place));
  const std::vector<Tensor> there = {ApartDevice::seen_from(ApartDevice::place, inputs[0])};
  std::vector<Tensor> results = {
      target.device().allocate(ApartDevice::place, ElementType::f32, {4, 8}), Tensor()};
  const void* const memory = results[0].raw();
  executor->run(there, results, {}, pool);
  EXPECT_EQ(results[0].raw(), memory);
  EXPECT_TRUE(ApartDevice::seen_from({}, results[0]).identical(want[0]));
  EXPECT_TRUE(results[1].identical(want[1]));
}

}  // namespace
}  // namespace drawbar
