#include <gtest/gtest.h>

#include "drawbar/session.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "ops/map_rows/op.h"
#include "targets/target.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

const std::string halves =
    "graph g(%x: f32[6, 3], %s: f32[3]) {\n"
    "  %y, %z = MapRows(%x, %s) {rows = 2, batched = 1} \"rows\"\n"
    "    graph part(%a: f32[2, 3], %b: f32[3]) {\n"
    "      %c = Add(%a, %b); %d = ReduceSum(%c) {axes = [1]}; return %c, %d }\n"
    "  return %y, %z }";

std::string error_of(std::string text, std::string_view from, std::string_view to) {
  text.replace(text.find(from), from.size(), to);
  try {
    parse(text);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(MapRows, RunsEveryPart) {
  const Graph graph = parse(halves);
  verify(graph);
  EXPECT_EQ(to_string(graph.value(graph.outputs()[0]).type), "f32[6, 3]");
  EXPECT_EQ(to_string(graph.value(graph.outputs()[1]).type), "f32[6, 1]");
  const std::vector<Tensor> inputs = {draw("f32[6, 3]", 1), draw("f32[3]", 2)};
  const std::vector<Tensor> want = {run_reference(parse("graph a(%x: f32[6, 3], %s: f32[3]) {\n"
                                                        "  %y = Add(%x, %s); return %y }")
                                                      .node(0)
                                                      .op,
                                                  inputs)[0]};
  const std::vector<Tensor> got = evaluate_graph(graph, inputs);
  expect_close(got[0], want[0], 0, 0, "reference");
  CompileOptions options;
  options.time_tactics = false;
  const auto engine = Engine::compile(std::make_shared<const Graph>(graph), "cpu", options);
  for (int threads : {1, 2, 4}) {
    const auto compiled = Session(engine, {.threads = threads}).run(inputs);
    for (size_t i = 0; i < got.size(); ++i)
      expect_close(compiled[i], got[i], 1e-6, 1e-6,
                   fmt::format("output {}, {} threads", i, threads));
  }
}

TEST(MapRows, RefusesPartsThatDoNotFit) {
  EXPECT_NE(error_of(halves, "%x: f32[6, 3]", "%x: f32[7, 3]").find("multiple of 2"),
            std::string::npos);
  EXPECT_NE(error_of(halves, "%x: f32[6, 3]", "%x: f32[N, 3]").find("known first dimension"),
            std::string::npos);
  EXPECT_NE(error_of(halves, "%x: f32[6, 3]", "%x: f32[6, 4]").find("the subgraph reads"),
            std::string::npos);
  EXPECT_NE(error_of(halves, "%s: f32[3]", "%s: f32[4]").find("the subgraph reads"),
            std::string::npos);
  EXPECT_NE(error_of(halves, "batched = 1", "batched = 3").find("batched 3 of 2 inputs"),
            std::string::npos);
  EXPECT_NE(error_of(halves, "rows = 2", "rows = 0").find("rows is 0"), std::string::npos);
  EXPECT_NE(error_of(halves, "axes = [1]", "axes = [0]").find("expected 2 rows"),
            std::string::npos);
}

}  // namespace
}  // namespace drawbar
