#include "targets/cuda/layout.h"

#include <cstring>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "passes/pipeline.h"
#include "targets/cuda/plan.h"
#include "tests/support/op_case.h"

namespace drawbar::cuda {
namespace {

/// A residual block as exporters quantise it, and a sum that cannot be joined: two read the
/// convolution before it.
GraphPtr residual_block() {
  const auto drawn = [](std::string_view, ElementType type, const Shape& shape) {
    return std::make_shared<const Constant>(
        draw(to_string(TensorType{type, to_dims(shape)}), 5, -64, 64).clone());
  };
  return std::make_shared<const Graph>(
      optimize(parse("graph g(%x: u8[2, 32, 7, 5]) {"
                     " %w = const i8[32, 32, 1, 1] @00000000000000000000000000000001;"
                     " %v = const i8[32, 32, 3, 3] @00000000000000000000000000000002;"
                     " %s = const f32[] [0.0625]; %z = const u8[] [117]; %i = const i8[] [0];"
                     " %t = const f32[] [0.01]; %q = const f32[] [0.4]; %u = const u8[] [101];"
                     " %n = const u8[] [0]; %xf = DequantizeLinear(%x, %s, %z);"
                     " %wf = DequantizeLinear(%w, %t, %i); %vf = DequantizeLinear(%v, %t, %i);"
                     " %a = Conv(%xf, %wf); %aq = QuantizeLinear(%a, %q, %u);"
                     " %af = DequantizeLinear(%aq, %q, %u);"
                     " %b = Conv(%af, %vf) {pads_begin = [1, 1], pads_end = [1, 1]};"
                     " %bq = QuantizeLinear(%b, %q, %u); %bf = DequantizeLinear(%bq, %q, %u);"
                     " %c = Add(%bf, %xf); %r = Relu(%c); %y = QuantizeLinear(%r, %q, %n);"
                     " %d = Add(%af, %xf); %e = QuantizeLinear(%d, %q, %z); return %y, %e }",
                     drawn)));
}

size_t count(const PlanReport& report, std::string_view op) {
  size_t result = 0;
  for (const StepReport& step : report.steps) result += step.op == op ? 1 : 0;
  return result;
}

TEST(LaidOut, JoinsSumsOfBytesAndAnswersAsTheProcessorsDo) {
  const GraphPtr graph = residual_block();
  const std::vector<Tensor> inputs = {draw("u8[2, 32, 7, 5]", 3, 0, 255)};
  ThreadPool pool(1);
  std::vector<Tensor> want(2), got(2);
  host_target().compile(graph, {})->instantiate(inputs, 1)->run(inputs, want, {}, pool);
  const std::shared_ptr<Gpu> gpu = emulated_gpu();
  Plan plan(laid_out(*graph, gpu->info()), {.packed = std::make_shared<PackedConstants>(),
                                            .chooser = std::make_shared<TacticChooser>(),
                                            .code = std::make_shared<CodeCache>(),
                                            .info = gpu->info(),
                                            .gpu = gpu,
                                            .constants = std::make_shared<DeviceConstants>(gpu)});
  plan.run(inputs, got, {}, pool);
  EXPECT_EQ(count(plan.report(), "QLinearConvAdd"), 1U);
  EXPECT_EQ(count(plan.report(), "QLinearConv"), 1U);
  EXPECT_EQ(count(plan.report(), "QLinearAdd"), 1U);
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(got[i].bytes(), want[i].bytes());
    EXPECT_EQ(std::memcmp(got[i].raw(), want[i].raw(), static_cast<size_t>(want[i].bytes())), 0);
  }
}

TEST(LaidOut, IsWhatProgramsPlan) {
  CompileOptions options;
  options.time_tactics = false;
  options.architectures = {"sm_90"};
  options.profiles = {{{2, 32, 7, 5}}};
  const auto reports = target_named("cuda").compile(residual_block(), options)->inspect();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(count(reports[0], "QLinearConvAdd"), 1U);
}

}  // namespace
}  // namespace drawbar::cuda
