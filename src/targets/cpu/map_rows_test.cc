#include "targets/cpu/map_rows.h"

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

/// One graph for a batch and for a part of it.
struct Pair {
  Pair(const Graph& graph, int64_t batch, int64_t rows)
      : whole(assign_layouts(specialize_for(graph, {{"N", batch}}), isa())),
        part(assign_layouts(specialize_for(graph, {{"N", rows}}), isa())),
        region(find_rows_region(whole, part, batch, rows)) {}
  Graph whole, part;
  RowsRegion region;

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [id, twin] : region.nodes) result.emplace_back(whole.node(id).op.name());
    return result;
  }
};

std::vector<Tensor> run(Graph graph, const std::vector<Tensor>& inputs, int threads) {
  const PlanContext context{std::make_shared<PackedConstants>(), std::make_shared<TacticChooser>(),
                            TensorPool::make(), threads, isa()};
  ThreadPool pool(threads);
  std::vector<Tensor> outputs(graph.outputs().size());
  Plan(std::move(graph), context).run(inputs, outputs, {}, pool);
  return outputs;
}

using Names = std::vector<std::string>;

TEST(RowsRegion, EndsWhereRowsMeet) {
  const Pair pair(parse("graph g(%x: f32[N, 4]) {\n"
                        "  %a = Relu(%x); %b = Softmax(%a) {axis = 0}; %c = Abs(%a)\n"
                        "  %d = Add(%b, %c); return %d, %c }"),
                  6, 2);
  EXPECT_EQ(pair.names(), (Names{"Relu", "Abs"}));
}

TEST(RowsRegion, TakesReshapesThatNameTheBatch) {
  const Pair pair(parse("graph g(%x: f32[N, 4, 6]) {\n"
                        "  %s = Shape(%x) {start = 0, end = 1}; %t = const i64[2] [3, 8]\n"
                        "  %to = Concat(%s, %t) {axis = 0}; %y = Reshape(%x, %to)\n"
                        "  %z = Softmax(%y) {axis = 2}; return %z }"),
                  6, 2);
  EXPECT_EQ(pair.names(), (Names{"Reshape", "Softmax"}));
}

TEST(RowsRegion, LeavesWhatTheBatchSizeItselfGoesInto) {
  const Pair pair(parse("graph g(%x: f32[N, 4]) {\n"
                        "  %s = Shape(%x) {start = 0, end = 1}; %f = Cast(%s) {to = f32}\n"
                        "  %y = Div(%x, %f); return %y }"),
                  6, 2);
  EXPECT_EQ(pair.names(), Names{});
}

TEST(RowsRegion, LeavesAxesThatOnlyLookLikeTheBatch) {
  const Pair pair(parse("graph g(%x: f32[N, 4], %w: f32[6, 4]) {\n"
                        "  %y = Relu(%x); %v = Neg(%w); return %y, %v }"),
                  6, 2);
  EXPECT_EQ(pair.names(), (Names{"Relu"}));
}

TEST(MapRows, AnswersAsTheWholeBatchWhereverItEnds) {
  int mapped = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Graph graph = optimize(random_graph(seed));
    const int64_t rows = 1 + static_cast<int64_t>(seed % 2);
    const Pair pair(graph, 4, rows);
    const std::vector<Tensor> inputs = random_inputs(graph, seed, 4);
    const std::vector<Tensor> want = run(pair.whole, inputs, 1);
    const size_t nodes = pair.region.nodes.size();
    for (size_t count : {nodes, nodes / 2, size_t{1}}) {
      if (count == 0 || count > nodes) continue;
      const Graph split = map_rows(pair.whole, pair.part, pair.region, count);
      mapped += split.order().size() < pair.whole.order().size();
      const std::vector<Tensor> got = run(split, inputs, 2);
      for (size_t i = 0; i < want.size(); ++i)
        expect_close(got[i], want[i], 2e-4, 2e-4, fmt::format("output {}, {} nodes", i, count));
    }
  }
  EXPECT_GT(mapped, 60);
}

}  // namespace
}  // namespace drawbar::cpu
