#include <gtest/gtest.h>

#include "base/tensor.h"
#include "drawbar/compile.h"
#include "drawbar/session.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "ops/custom/plugins.h"
#include "targets/target.h"

namespace drawbar {
namespace {

const drawbar_host* host = nullptr;

/// x [A, B] and y [B, C] f32 → their shapes side by side: [A, C], x's first plus y's last element
/// of each row and column, and a second output that only a run knows the size of.
int infer_outer(drawbar_call* call) {
  drawbar_tensor x, y;
  if (!host->input(call, 0, &x) || x.rank != 2) {
    host->fail(call, "x: expected 2 dimensions");
    return 1;
  }
  if (!host->input(call, 1, &y)) y = x;
  const int64_t both[] = {x.shape[0], y.shape[1]}, unknown[] = {DRAWBAR_UNKNOWN_SIZE};
  host->infer_output(call, 0, DRAWBAR_F32, 2, both);
  host->infer_output(call, 1, DRAWBAR_I64, 1, unknown);
  return 0;
}

int run_outer(drawbar_call* call) {
  drawbar_tensor x, y;
  host->input(call, 0, &x);
  if (!host->input(call, 1, &y)) y = x;
  int64_t add = 0;
  host->integer(call, "add", &add);
  const int64_t shape[] = {x.shape[0], y.shape[1]};
  auto* out = static_cast<float*>(host->output(call, 0, DRAWBAR_F32, 2, shape));
  const int64_t count[] = {add};
  auto* numbers = static_cast<int64_t*>(host->output(call, 1, DRAWBAR_I64, 1, count));
  if (!out || !numbers) return 1;
  struct Work {
    drawbar_tensor x, y;
    float* out;
    int64_t add, columns;
  } work{x, y, out, add, shape[1]};
  host->parallel_for(
      call, shape[0], 1,
      [](void* data, int64_t begin, int64_t end) {
        const auto& w = *static_cast<Work*>(data);
        for (int64_t i = begin; i < end; ++i) {
          for (int64_t j = 0; j < w.columns; ++j) {
            w.out[i * w.columns + j] = static_cast<const float*>(w.x.data)[i * w.x.shape[1]] +
                                       static_cast<const float*>(w.y.data)[j] +
                                       static_cast<float>(w.add);
          }
        }
      },
      &work);
  for (int64_t i = 0; i < add; ++i) numbers[i] = i;
  return 0;
}

/// Does what the attribute `wrong` says.
int wrong(drawbar_call* call) {
  int64_t what = 0;
  host->integer(call, "wrong", &what);
  const int64_t one[] = {1}, symbol[] = {-77};
  switch (what) {
    case 0:
      host->infer_output(call, 0, DRAWBAR_F32, 1, one);
      return 0;
    case 1:
      host->infer_output(call, 0, DRAWBAR_F32, 1, symbol);
      return 0;
    case 2:
      host->infer_output(call, 0, 77, 1, one);
      return 0;
    case 3:
      host->infer_output(call, 0, DRAWBAR_F32, -1, one);
      return 0;
    case 4:
      return 0;
    case 5:
      return 1;
    case 6:
      host->fail(call, "it is Monday");
      return 1;
    default:
      host->output(call, 0, DRAWBAR_F32, 1, one);
      return 0;
  }
}

/// Infers [1]; what it gives while running depends on the attribute.
int infer_one(drawbar_call* call) {
  const int64_t one[] = {1};
  host->infer_output(call, 0, DRAWBAR_F32, 1, one);
  return 0;
}
int wrong_run(drawbar_call* call) {
  int64_t what = 0;
  host->integer(call, "wrong", &what);
  const int64_t shapes[][1] = {{1}, {-5}, {int64_t{1} << 61}};
  if (what == 3) return 0;
  if (what == 4) {
    host->fail(call, "no luck");
    return 7;
  }
  auto* y = static_cast<float*>(host->output(call, 0, DRAWBAR_F32, 1, shapes[what]));
  if (y) *y = 5;
  return y ? 0 : 1;
}

const drawbar_operator operators[] = {
    {"com.test", "Outer", 1, 2, 2, 2, infer_outer, run_outer},
    {"com.test", "Wrong", 0, 1, 1, 1, wrong, wrong},
    {"com.test", "WrongRun", 0, 1, 1, 1, infer_one, wrong_run},
};
drawbar_plugin plugin = {DRAWBAR_PLUGIN_ABI, "test", "1", 3, operators};

const drawbar_plugin* entry(const drawbar_host* given) {
  host = given;
  return &plugin;
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return std::string(name(error.code())) + " " + error.message();
  }
  return "no error";
}

std::string parsed(const std::string& node) {
  return error_of([&] { parse("graph g(%x: f32[2]) { %y = " + node + "; return %y }"); });
}

std::vector<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  CompileOptions options;
  options.time_tactics = false;
  const auto engine = Engine::compile(std::make_shared<const Graph>(parse(text)), "cpu", options);
  return Session(engine, {.threads = 2}).run(inputs);
}

class Plugins : public testing::Test {
 protected:
  static void SetUpTestSuite() { ops::register_plugin(entry, "test"); }
};

TEST_F(Plugins, RunsWithSymbolsAndSizesThatDependOnData) {
  const std::string text =
      "graph g(%x: f32[A, B], %y: f32[B, C]) {\n"
      "  %z, %n = Custom(%x, %y) {operator = \"com.test.Outer\", add = 3}\n"
      "  return %z, %n }";
  const Graph graph = parse(text);
  EXPECT_EQ(to_string(graph.value(graph.outputs()[0]).type), "f32[A, C]");
  EXPECT_EQ(print(parse(print(graph))), print(graph));
  const std::vector<Tensor> inputs = {Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
                                      Tensor::from<float>({3, 2}, {10, 20, 0, 0, 0, 0})};
  const std::vector<Tensor> got = run(text, inputs);
  EXPECT_TRUE(got[0].identical(Tensor::from<float>({2, 2}, {14, 24, 17, 27})));
  EXPECT_TRUE(got[1].identical(Tensor::from<int64_t>({3}, {0, 1, 2})));
}

TEST_F(Plugins, MistakesWhileInferringAreErrors) {
  const auto with = [](int what) {
    return parsed(fmt::format("Custom(%x) {{operator = \"com.test.Wrong\", wrong = {}}}", what));
  };
  EXPECT_EQ(with(0), "no error");
  EXPECT_NE(with(1).find("the size -77"), std::string::npos) << with(1);
  EXPECT_NE(with(2).find("element type 77"), std::string::npos) << with(2);
  EXPECT_NE(with(3).find("rank -1"), std::string::npos) << with(3);
  EXPECT_NE(with(4).find("nothing of output 0"), std::string::npos) << with(4);
  EXPECT_NE(with(5).find("no reason"), std::string::npos) << with(5);
  EXPECT_NE(with(6).find("com.test.Wrong: it is Monday"), std::string::npos) << with(6);
  EXPECT_NE(with(7).find("memory while it infers"), std::string::npos) << with(7);
}

TEST_F(Plugins, MistakesWhileRunningAreErrors) {
  const auto with = [](int what) {
    return error_of([&] {
      run(fmt::format("graph g(%x: f32[2]) {{ %y = Custom(%x) {{operator = \"com.test.WrongRun\", "
                      "wrong = {}}}; return %y }}",
                      what),
          {Tensor::from<float>({2}, {1, 2})});
    });
  };
  EXPECT_EQ(with(0), "no error");
  EXPECT_NE(with(1).find("the size -5"), std::string::npos) << with(1);
  EXPECT_NE(with(2), "no error");
  EXPECT_NE(with(3).find("nothing of output 0"), std::string::npos) << with(3);
  EXPECT_NE(with(4).find("no luck"), std::string::npos) << with(4);
}

TEST_F(Plugins, WhatDoesNotFitIsRefused) {
  EXPECT_NE(parsed("Custom(%x) {operator = \"com.test.Absent\"}").find("UNSUPPORTED"),
            std::string::npos);
  EXPECT_NE(parsed("Custom(%x, %x) {operator = \"com.test.Wrong\"}").find("takes 0 to 1"),
            std::string::npos);
  EXPECT_NE(parsed("Custom(%x) {operator = 3}").find("wrong type"), std::string::npos);
  plugin.abi = 1;
  EXPECT_NE(error_of([] { ops::register_plugin(entry, "p"); }).find("version 1"),
            std::string::npos);
  plugin.abi = DRAWBAR_PLUGIN_ABI;
  ops::register_plugin(entry, "p");  // again: nothing happens
  static const drawbar_operator other[] = {
      {"com.test", "Wrong", 0, 1, 1, 1, wrong, wrong},
      {"ai.onnx", "Conv", 0, 1, 1, 1, wrong, wrong},
      {"com.test", "No name", 0, 1, 1, 1, wrong, wrong},
      {"com.test", "NoRun", 0, 1, 1, 1, wrong, nullptr},
  };
  for (const auto& [op, words] : {std::pair{&other[0], "is there already"},
                                  {&other[1], "no name for a plug-in's"},
                                  {&other[2], "no name for a plug-in's"},
                                  {&other[3], "lacks a function"}}) {
    plugin.operators = op;
    plugin.operator_count = 1;
    EXPECT_NE(error_of([] { ops::register_plugin(entry, "p"); }).find(words), std::string::npos);
  }
  plugin.operators = operators;
  plugin.operator_count = 3;
  EXPECT_NE(error_of([] { load_plugin("no/such/file.so"); }).find("no such file"),
            std::string::npos);
}

}  // namespace
}  // namespace drawbar
