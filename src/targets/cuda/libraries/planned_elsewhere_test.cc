#include "targets/cuda/libraries/planned_elsewhere.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/attention/cuda_cudnn.h"
#include "ops/attention/op.h"
#include "ops/conv/cuda_cudnn.h"
#include "ops/conv/op.h"

namespace drawbar::cuda {

const CudnnDeviceProperties a100 =
    R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
    R"("regsPerBlock":65536,"multiProcessorCount":108,"warpSize":32,)"
    R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":166912,)"
    R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
    R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)"
    R"("supportCoopLaunch":1,"totalGlobalMem":42505273344,"smClockRateKHz":1410000,)"
    R"("memClockRateKHz":1215000,"l2CacheSize":41943040,"cudaDeviceId":0,"deviceVer":800,)"
    R"("driverVer":13000,"deviceName":"NVIDIA A100-SXM4-40GB"})";

const CudnnDeviceProperties h200 =
    R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
    R"("regsPerBlock":65536,"multiProcessorCount":132,"warpSize":32,)"
    R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,)"
    R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)"
    R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)"
    R"("supportCoopLaunch":1,"totalGlobalMem":150754820096,"smClockRateKHz":1980000,)"
    R"("memClockRateKHz":3201000,"l2CacheSize":62914560,"cudaDeviceId":0,"deviceVer":900,)"
    R"("driverVer":13000,"deviceName":"NVIDIA H200"})";

bool plans_elsewhere() {
  static const bool result = [] {
    this_gpu();  // knows the real driver, or that there is none
    if (!dlopen("libcuda.so.1", RTLD_NOW)) dlopen(DRAWBAR_TEST_DRIVER, RTLD_NOW | RTLD_GLOBAL);
    return cudnn().reason.empty() && cudnn().cudnnGetVersion_() >= 91100;
  }();
  return result;
}

namespace {

Operand operand(ElementType type, Shape shape, Layout layout = Layout::row_major) {
  return {type, std::move(shape), layout, nullptr, true};
}

/// A convolution of images, channels-last, from 3 × 3 taps on padded to keep their size.
struct Layer {
  int64_t in = 64, out = 64, taps = 3, size = 28, group = 1;
  const char* post = "x1 = Relu(x0)";

  std::optional<CudnnNode> node(ElementType type) const {
    const Layout last = Layout::channels_last;
    ops::Conv conv{.group = group, .post = ops::parse_program(post)};
    conv.pads_begin = conv.pads_end = {taps / 2, taps / 2};
    const Op op = conv;
    std::vector<Operand> inputs = {operand(type, {2, in, size, size}, last),
                                   operand(type, {out, in / group, taps, taps}),
                                   operand(type, {out})};
    // Weights of another order than theirs have to be constants.
    inputs[1].constant = std::make_shared<Constant>(type, inputs[1].shape, Description{"fill"});
    const std::vector<Operand> outputs = {operand(type, {2, out, size, size}, last)};
    for (int64_t i = 1; i < conv.post.inputs; ++i) inputs.push_back(outputs[0]);
    PackedConstants constants;
    const GpuInfo gpu = emulated_gpu()->info();
    return cudnn_convolution({op, inputs, outputs, gpu, constants});
  }
};

constexpr const char* residual = "x2 = Add(x0, x1); x3 = Relu(x2)";

CudnnNode attention(ElementType type, int64_t queries, int64_t keys, int64_t size, bool causal) {
  const Op op = ops::Attention{.causal = causal};
  const std::vector<Operand> inputs = {operand(type, {2, 4, queries, size}),
                                       operand(type, {2, 4, keys, size}),
                                       operand(type, {2, 4, keys, size})};
  const std::vector<Operand> outputs = {operand(type, {2, 4, queries, size})};
  PackedConstants constants;
  const GpuInfo gpu = emulated_gpu()->info();
  return cudnn_attention({op, inputs, outputs, gpu, constants}).value();
}

TEST(CudnnPlans, ThereAreEnginesForConvolutions) {
  if (!plans_elsewhere()) GTEST_SKIP() << "cuDNN before 9.11";
  const Layer layers[] = {
      {.in = 3, .out = 64, .taps = 7, .size = 224},
      {.in = 64, .out = 256, .taps = 1, .size = 56, .post = residual},
      {.in = 512, .out = 512, .size = 7},
      {.in = 7, .out = 13, .size = 13, .post = residual},
      {.in = 1, .out = 1, .taps = 1, .size = 1},
      {.in = 32, .out = 32, .size = 112, .group = 32},
      {.in = 64, .out = 64, .size = 56, .group = 32},
      {.in = 16, .out = 127, .size = 129, .post = "x1 = Swish(x0, 1.0)"},
      {.in = 16, .out = 32, .post = "x1 = Sigmoid(x0)"},
      {.in = 16, .out = 32, .post = "x1 = Clip(x0, 0.0, 6.0)"},
      {.in = 16, .out = 32, .post = "x2 = Gelu(x0); x3 = Add(x2, x1)"},
  };
  for (const CudnnDeviceProperties gpu : {a100, h200}) {
    for (const ElementType type : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
      for (const Layer& layer : layers) {
        const auto node = layer.node(type);
        ASSERT_TRUE(node);
        EXPECT_TRUE(CudnnPlanner(node->graph, node->rules, gpu).has_engine())
            << name(type) << " " << layer.in << " to " << layer.out << ", " << layer.post << gpu;
      }
    }
  }
}

/// What an engine has kept, as it is when it is read.
void reopen(const CodeCache& saved, CodeCache& into) {
  for (auto [name, section] : saved.saved()) {
    section.expected = hash_bytes(section.data.get(), section.bytes);
    into.add(name, section);
  }
}

Section only_section(const CodeCache& saved) {
  EXPECT_EQ(saved.saved().size(), 1U);
  return saved.saved().begin()->second;
}

std::string_view text_of(const Section& section) {
  return {reinterpret_cast<const char*>(section.data.get()), section.bytes};
}

void expect_to_come_back(const CudnnNode& node, CudnnDeviceProperties gpu) {
  const CudnnPlanner planner(node.graph, node.rules, gpu);
  const std::shared_ptr<const CudnnPlan> plan = planner.plan();
  ASSERT_TRUE(plan);
  CodeCache saved, opened, saved_again;
  plan->keep(saved);
  reopen(saved, opened);
  const std::shared_ptr<const CudnnPlan> restored = planner.restore(opened);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->workspace_bytes(), plan->workspace_bytes());
  restored->keep(saved_again);
  EXPECT_EQ(text_of(only_section(saved)), text_of(only_section(saved_again)));
  EXPECT_EQ(saved.saved().begin()->first, saved_again.saved().begin()->first);
}

TEST(CudnnPlans, ComeBackFromAnEngine) {
  if (!plans_elsewhere()) GTEST_SKIP() << "cuDNN before 9.11";
  const Layer precompiled{.post = residual}, compiled{.post = "x1 = Swish(x0, 1.0)"};
  expect_to_come_back(*precompiled.node(ElementType::f16), h200);
  expect_to_come_back(*precompiled.node(ElementType::f32), a100);
  if (const FoundGpu& here = this_gpu(); here.gpu) {  // its driver does not take code for others
    if (here.gpu->info().architecture == "host") return;
    expect_to_come_back(*precompiled.node(ElementType::f16), nullptr);
    expect_to_come_back(*compiled.node(ElementType::f16), nullptr);
    expect_to_come_back(attention(ElementType::f16, 128, 128, 64, true), nullptr);
    return;
  }
  expect_to_come_back(*compiled.node(ElementType::bf16), h200);
  expect_to_come_back(*compiled.node(ElementType::f32), h200);
  expect_to_come_back(attention(ElementType::f16, 128, 128, 64, false), h200);
  expect_to_come_back(attention(ElementType::bf16, 13, 127, 128, true), a100);
}

TEST(CudnnPlans, AreMadeAnewWhereTheyCannotComeBack) {
  if (!plans_elsewhere()) GTEST_SKIP() << "cuDNN before 9.11";
  const CudnnNode node = *Layer{}.node(ElementType::f16);
  const CudnnPlanner planner(node.graph, node.rules, h200);
  const CudnnPlanner elsewhere(node.graph, node.rules, a100);
  CodeCache saved;
  EXPECT_FALSE(planner.restore(saved));
  planner.plan()->keep(saved);
  const Section right = only_section(saved);
  const auto name_for = [](const CudnnPlanner& other) {
    CodeCache one;
    other.plan()->keep(one);
    return one.saved().begin()->first;
  };
  const auto restores = [&](const CudnnPlanner& from, std::string bytes, bool damaged = false) {
    const auto held = std::make_shared<std::string>(std::move(bytes));
    Section section{{held, reinterpret_cast<const std::byte*>(held->data())}, held->size(), {}};
    section.expected = hash_bytes(*held);
    if (damaged) section.expected->low ^= 1;
    CodeCache opened;
    opened.add(name_for(from), section);
    return from.restore(opened) != nullptr;
  };
  const std::string json(text_of(right));
  EXPECT_TRUE(restores(planner, json));
  EXPECT_FALSE(restores(planner, json, true));
  EXPECT_FALSE(restores(elsewhere, json));
  EXPECT_FALSE(restores(planner, ""));
  EXPECT_FALSE(restores(planner, "no JSON"));
  EXPECT_FALSE(restores(planner, "{}"));
  EXPECT_FALSE(restores(planner, json.substr(0, json.size() / 2)));
  std::string of_another_version = json;
  const size_t version = json.find(":9");
  ASSERT_NE(version, std::string::npos);
  of_another_version.replace(version, 2, ":8");
  EXPECT_FALSE(restores(planner, of_another_version));
}

TEST(CudnnPlans, AreNamedByAllThatTheyDependOn) {
  if (!plans_elsewhere()) GTEST_SKIP() << "cuDNN before 9.11";
  const CudnnNode node = *Layer{}.node(ElementType::f16);
  CudnnRules roomy = node.rules;
  roomy.most_workspace_bytes *= 2;
  CudnnRules stricter = node.rules;
  stricter.without.push_back(CUDNN_NUMERICAL_NOTE_WINOGRAD);
  const CudnnNode larger = *Layer{.out = 128}.node(ElementType::f16);
  CodeCache saved;
  CudnnPlanner(node.graph, node.rules, h200).plan()->keep(saved);
  CudnnPlanner(node.graph, node.rules, a100).plan()->keep(saved);
  CudnnPlanner(node.graph, roomy, h200).plan()->keep(saved);
  CudnnPlanner(node.graph, stricter, h200).plan()->keep(saved);
  CudnnPlanner(larger.graph, larger.rules, h200).plan()->keep(saved);
  EXPECT_EQ(saved.saved().size(), 5U);
  EXPECT_FALSE(saved.architecture());
}

}  // namespace
}  // namespace drawbar::cuda
