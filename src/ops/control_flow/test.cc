#include <gtest/gtest.h>

#include "drawbar/session.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/target.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

/// The answer of the references, which the compiled graph must give too.
std::vector<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  const Graph graph = parse(text);
  verify(graph);
  std::vector<Tensor> expected = evaluate_graph(graph, inputs);
  CompileOptions options;
  options.time_tactics = false;
  const auto optimized = std::make_shared<const Graph>(optimize(graph));
  Session session(Engine::compile(optimized, "cpu", options), {.threads = 1});
  const std::vector<Tensor> compiled = session.run(inputs);
  for (size_t i = 0; i < expected.size(); ++i)
    expect_close(compiled[i], expected[i], 1e-5, 1e-6, "compiled output " + std::to_string(i));
  return expected;
}

std::vector<std::string> output_types(const std::string& text) {
  const Graph graph = parse(text);
  std::vector<std::string> types;
  for (ValueId id : graph.outputs()) types.push_back(to_string(graph.value(id).type));
  return types;
}

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

Tensor floats(std::initializer_list<float> values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

const std::string choice =
    "graph g(%c: bool[], %x: f32[N], %y: f32[M]) {\n"
    "  %z = If(%c, %x, %y) {then_inputs = 1} \"if\"\n"
    "    graph then(%a: f32[N]) { %b = Neg(%a); return %b }\n"
    "    graph else(%a: f32[M]) { %b = Abs(%a); return %b }\n"
    "  return %z }";

TEST(If, RunsOneBranch) {
  const Tensor x = floats({1, -2}), y = floats({-3, 4, -5});
  expect_close(run(choice, {Tensor::scalar(true), x, y})[0], floats({-1, 2}), 0, 0, "then");
  expect_close(run(choice, {Tensor::scalar(false), x, y})[0], floats({3, 4, 5}), 0, 0, "else");
}

TEST(If, MergesTypes) {
  EXPECT_EQ(output_types(choice)[0], "f32[?z.either0]");
  EXPECT_EQ(
      output_types("graph g(%c: bool[], %x: f32[2, 3]) {\n"
                   "  %z = If(%c, %x, %x) {then_inputs = 1}\n"
                   "    graph t(%a: f32[2, 3]) { return %a }\n"
                   "    graph e(%a: f32[2, 3]) { %b = Flatten(%a) {axis = 0}; %d = Squeeze(%b) "
                   "{axes = [0]}; return %d }\n  return %z }")[0],
      "f32[*]");
  EXPECT_EQ(output_types("graph g(%x: f32[N]) {\n  %c = const bool[] [1]\n"
                         "  %z = If(%c, %x, %x) {then_inputs = 1}\n"
                         "    graph t(%a: f32[N]) { return %a }\n"
                         "    graph e(%a: f32[N]) { %b = Concat(%a, %a); return %b }\n"
                         "  return %z }")[0],
            "f32[N]");
}

TEST(If, RefusesBadNodes) {
  const auto with = [](const std::string& condition, const std::string& other) {
    return error_of("graph g(%c: " + condition +
                    ", %x: f32[2]) {\n  %z = If(%c, %x) {then_inputs = 1}\n"
                    "    graph t(%a: f32[2]) { return %a }\n    graph e() { " +
                    other + " }\n  return %z }");
  };
  EXPECT_NE(with("i64[]", "%k = const f32[1] [1.0]; return %k").find("condition is i64"),
            std::string::npos);
  EXPECT_NE(with("bool[]", "%k = const i64[1] [1]; return %k").find("output 0 is f32[2] or i64[1]"),
            std::string::npos);
  EXPECT_NE(with("bool[]", "%k = const f32[1] [1.0]; return %k, %k").find("has 2 outputs"),
            std::string::npos);
}

/// Carries a sum and stacks it; stops when it reaches the limit.
const std::string counting =
    "graph g(%m: i64[], %k: bool[], %x: f32[1], %limit: f32[1]) {\n"
    "  %sum, %all = Loop(%m, %k, %x, %limit) {carried = 1, empty_stacks = [\"f32[0, 1]\"]}\n"
    "    graph body(%i: i64[], %c: bool[], %v: f32[1], %l: f32[1]) {\n"
    "      %one = const f32[1] [1.0]; %shape = const i64[0] []\n"
    "      %next = Add(%v, %one); %less = Less(%next, %l); %go = Reshape(%less, %shape)\n"
    "      return %go, %next, %next }\n"
    "  return %sum, %all }";

TEST(Loop, CountsCarriesAndStacks) {
  const auto results =
      run(counting, {Tensor::scalar<int64_t>(3), Tensor::scalar(true), floats({0}), floats({100})});
  expect_close(results[0], floats({3}), 0, 0, "sum");
  expect_close(results[1], floats({1, 2, 3}).reshaped({3, 1}), 0, 0, "stack");
}

TEST(Loop, StopsWhenTheConditionFails) {
  const auto results = run(
      counting, {Tensor::scalar<int64_t>(1000), Tensor::scalar(true), floats({0}), floats({2})});
  expect_close(results[0], floats({2}), 0, 0, "sum");
  EXPECT_EQ(results[1].shape(), (Shape{2, 1}));
}

TEST(Loop, MayNotRunAtAll) {
  for (const bool condition : {true, false}) {
    const auto results = run(counting, {Tensor::scalar<int64_t>(condition ? 0 : 5),
                                        Tensor::scalar(condition), floats({7}), floats({100})});
    expect_close(results[0], floats({7}), 0, 0, "sum");
    EXPECT_EQ(results[1].shape(), (Shape{0, 1}));
  }
}

TEST(Loop, CarriedShapesMayGrow) {
  const std::string text =
      "graph g(%m: i64[], %x: f32[1, 2]) {\n"
      "  %y = Loop(%m, _, %x) {carried = 1}\n"
      "    graph body(%i: i64[], %c: bool[], %v: f32[1, 2]) {\n"
      "      %w = Concat(%v, %v); return %c, %w }\n"
      "  return %y }";
  EXPECT_EQ(output_types(text)[0], "f32[?y.carried0, 2]");
  const auto results =
      run(text, {Tensor::scalar<int64_t>(3), Tensor::from<float>({1, 2}, {1.f, 2.f})});
  EXPECT_EQ(results[0].shape(), (Shape{8, 2}));
}

TEST(Loop, AppendsToWhatItIsGiven) {
  const std::string text =
      "graph g(%m: i64[], %x: f32[N, 2], %y: f32[2, 2]) {\n"
      "  %last, %all = Loop(%m, _, %y, %x) {carried = 1, appended = 1}\n"
      "    graph body(%i: i64[], %c: bool[], %v: f32[2, 2]) {\n"
      "      %w = Add(%v, %v); return %c, %w, %v }\n"
      "  return %last, %all }";
  EXPECT_EQ(output_types(text)[1], "f32[?last.appended0, 2]");
  const auto y = Tensor::from<float>({2, 2}, {1.f, 2.f, 3.f, 4.f});
  const auto x = Tensor::from<float>({1, 2}, {8.f, 9.f});
  const auto results = run(text, {Tensor::scalar<int64_t>(2), x, y});
  expect_close(results[1],
               Tensor::from<float>({5, 2}, {8.f, 9.f, 1.f, 2.f, 3.f, 4.f, 2.f, 4.f, 6.f, 8.f}), 0,
               0, "appended");
  expect_close(run(text, {Tensor::scalar<int64_t>(0), x, y})[1], x, 0, 0, "no iteration");
}

TEST(Loop, KnowsItsTripsWhenNothingStopsIt) {
  const auto text = [](const std::string& condition) {
    return "graph g(%x: f32[3]) {\n  %m = const i64[] [5]\n"
           "  %y, %s = Loop(%m, _, %x) {carried = 1, empty_stacks = [\"f32[0, 3]\"]}\n"
           "    graph body(%i: i64[], %c: bool[], %v: f32[3]) {\n      " +
           condition + " %w = Neg(%v); return %d, %w, %w }\n  return %y, %s }";
  };
  EXPECT_EQ(output_types(text("%d = Identity(%c);"))[1], "f32[5, 3]");
  EXPECT_EQ(output_types(text("%d = const bool[] [1];"))[1], "f32[5, 3]");
  EXPECT_EQ(output_types(text("%d = Not(%c);"))[1], "f32[?y.trips0, 3]");
}

TEST(Loop, RefusesBadNodes) {
  const auto body = [](const std::string& attributes, const std::string& graph) {
    return error_of("graph g(%m: i64[], %x: f32[3]) {\n  %y = Loop(%m, _, %x) {" + attributes +
                    "}\n    " + graph + "\n  return %y }");
  };
  EXPECT_NE(body("carried = 1",
                 "graph b(%i: i64[], %c: bool[], %v: f32[3]) {\n"
                 "      %d = SequenceConstruct(%c); return %d, %v }")
                .find("the body's condition is seq(bool[]), expected bool"),
            std::string::npos);
  EXPECT_NE(body("carried = 2", "graph b(%i: i64[], %c: bool[], %v: f32[3]) { return %c, %v }")
                .find("2 carried"),
            std::string::npos);
  EXPECT_NE(body("carried = 1",
                 "graph b(%i: i64[], %c: bool[], %v: f32[3]) { %w = Cast(%v) {to = i64}; return "
                 "%c, %w }")
                .find("begins as f32[3], the body makes it i64[3]"),
            std::string::npos);
}

TEST(Loop, TheDeadlineEndsIt) {
  const Graph graph = parse(
      "graph g(%x: f32[1]) {\n  %y = Loop(_, _, %x) {carried = 1}\n"
      "    graph b(%i: i64[], %c: bool[], %v: f32[1]) { %w = Neg(%v); return %c, %w }\n"
      "  return %y }");
  RunControl control;
  control.deadline = RunControl::Clock::now() + std::chrono::milliseconds(20);
  try {
    evaluate_graph(graph, {floats({1})}, control);
    FAIL() << "the loop ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::deadline_exceeded) << error.message();
  }
}

std::string scan_text(const std::string& attributes, const std::string& type) {
  return "graph g(%s: f32[2], %x: " + type + ") {\n  %last, %all = Scan(%s, %x) {states = 1, " +
         "scanned = 1, empty_stacks = [\"f32[0, 2]\"]" + attributes +
         "}\n    graph b(%a: f32[2], %r: f32[2]) { %t = Add(%a, %r); return %t, %t }\n"
         "  return %last, %all }";
}

TEST(Scan, RunsAlongAxesInBothDirections) {
  const Tensor state = floats({0, 0});
  const Tensor x = Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  auto results = run(scan_text("", "f32[3, 2]"), {state, x});
  expect_close(results[0], floats({9, 12}), 0, 0, "last");
  expect_close(results[1], Tensor::from<float>({3, 2}, {1, 2, 4, 6, 9, 12}), 0, 0, "all");
  results = run(scan_text(", input_directions = [1]", "f32[N, 2]"), {state, x});
  expect_close(results[1], Tensor::from<float>({3, 2}, {5, 6, 8, 10, 9, 12}), 0, 0, "backwards");
  results =
      run(scan_text(", output_directions = [1], output_axes = [-1]", "f32[3, 2]"), {state, x});
  expect_close(results[1], Tensor::from<float>({2, 3}, {9, 4, 1, 12, 6, 2}), 0, 0, "output axis");
  const Tensor columns = Tensor::from<float>({2, 3}, {1, 3, 5, 2, 4, 6});
  results = run(scan_text(", input_axes = [1]", "f32[2, 3]"), {state, columns});
  expect_close(results[0], floats({9, 12}), 0, 0, "input axis");
}

TEST(Scan, InfersTheLength) {
  EXPECT_EQ(output_types(scan_text("", "f32[N, 2]"))[1], "f32[N, 2]");
  EXPECT_EQ(output_types(scan_text(", output_axes = [1]", "f32[N, 2]"))[1], "f32[2, N]");
}

TEST(Scan, RefusesBadNodes) {
  EXPECT_NE(error_of(scan_text(", input_axes = [2]", "f32[3, 2]")).find("scan_input_axes is 2"),
            std::string::npos);
  EXPECT_NE(error_of(scan_text(", input_directions = [2]", "f32[3, 2]")).find("direction is 2"),
            std::string::npos);
  EXPECT_NE(error_of(scan_text(", output_axes = [0, 1]", "f32[3, 2]")).find("has 2 entries"),
            std::string::npos);
}

}  // namespace
}  // namespace drawbar
