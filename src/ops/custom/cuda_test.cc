#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/custom/plugins.h"
#include "targets/cuda/architecture.h"
#include "targets/cuda/loaded_code.h"
#include "targets/cuda/tactic.h"

// Launches of plug-ins: from source, from images made beforehand, and what is none.

namespace drawbar::cuda {
namespace {

const drawbar_host* host = nullptr;

const char* const source =
    "template <int SIZE> __device__ void add_two(const float* x, float* y) {\n"
    "  if (threadIdx.x < SIZE) y[threadIdx.x] = x[threadIdx.x] + 2;\n"
    "}\n";
/// The same with what is added and the size as parameters, in the order that needs padding.
struct Parameters {
  float add;
  int64_t size;
};
const char* const symbol_source =
    "struct Parameters { float add; long long size; };\n"
    "extern \"C\" __global__ void add(const float* x, float* y, Parameters p) {\n"
    "  if (threadIdx.x < p.size) y[threadIdx.x] = x[threadIdx.x] + p.add;\n"
    "}\n";
const Parameters parameters{2, 7};

/// What the operator launches.
drawbar_gpu_launch wanted;

int infer(drawbar_call* call) {
  drawbar_tensor x;
  host->input(call, 0, &x);
  host->infer_output(call, 0, x.element, x.rank, x.shape);
  return 0;
}
int run(drawbar_call*) { return 1; }
int gpu(drawbar_call* call) {
  host->gpu_launch(call, &wanted);
  return 0;
}

const drawbar_operator operators[] = {{"com.test", "AddTwo", 1, 1, 1, 1, infer, run, gpu}};
const drawbar_plugin plugin = {DRAWBAR_PLUGIN_ABI, "gpu test", "1", 1, operators};

class PluginLaunches : public testing::Test {
 protected:
  PluginLaunches() {
    ops::register_plugin(
        [](const drawbar_host* given) {
          host = given;
          return &plugin;
        },
        "test");
    graph_ = parse(
        "graph g(%x: f32[7]) { %y = Custom(%x) {operator = \"com.test.AddTwo\"}; "
        "return %y }");
    const Node& node = graph_.node(graph_.order()[0]);
    inputs_ = operands(graph_, node.inputs);
    outputs_ = operands(graph_, node.outputs);
    wanted = {source, "add_two<7>", {1, 1, 1}, {32, 1, 1}, 0, nullptr, 0, nullptr, nullptr, 0};
  }

  void give_image(const std::string& architecture) {
    image_ = compile_code(symbol_source, architecture);
    wanted.image = image_.data();
    wanted.image_bytes = image_.size();
    wanted.symbol = "add";
    wanted.parameters = &parameters;
    wanted.parameter_bytes = sizeof(parameters);
  }

  Problem problem(const GpuInfo& info) {
    return {graph_.node(graph_.order()[0]).op, inputs_, outputs_, info, packed_};
  }

  /// The tactic that is taken, or why there is none.
  std::string taken_on(const GpuInfo& info) {
    const auto tactics = candidates(problem(info));
    EXPECT_LE(tactics.size(), 1u);
    if (!tactics.empty()) return std::string(tactics[0]->name);
    for (const Tactic& tactic : tactics_for("Custom")) {
      if (!tactic.refusal) continue;
      if (const auto reason = tactic.refusal(problem(info))) return *reason;
    }
    return "no reason";
  }

  std::string error() {
    try {
      taken_on(emulated_gpu()->info());
    } catch (const Error& error) {
      return error.message();
    }
    return "none";
  }

  void expect_adds_two(Gpu& gpu) {
    const auto kernel = candidates(problem(gpu.info()))[0]->make(problem(gpu.info()));
    CodeCache cache;
    const LoadedCode code({&kernel->launches()[0]}, cache, gpu.info().architecture, &gpu);
    const auto stream = gpu.make_stream();
    const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7};
    std::vector<float> y(7);
    const auto in = gpu.allocate(28), out = gpu.allocate(28);
    stream->copy_to_device(in.get(), x.data(), 28);
    void* const pointers[] = {in.get(), out.get()};
    const void* const functions[] = {code.function(kernel->launches()[0])};
    const std::span<void* const> both = pointers;
    kernel->enqueue({*stream, both.first(1), both.last(1), {}, functions});
    stream->copy_to_host(y.data(), out.get(), 28);
    stream->synchronize();
    EXPECT_EQ(y, (std::vector<float>{3, 4, 5, 6, 7, 8, 9}));
  }

  Graph graph_;
  std::vector<Operand> inputs_, outputs_;
  PackedConstants packed_;
  std::vector<std::byte> image_;
};

TEST_F(PluginLaunches, ImagesAreTakenWhereTheyRunElseTheSource) {
  give_image("sm_80");
  EXPECT_EQ(taken_on(typical_gpu("sm_80")), "plugin_image");
  EXPECT_EQ(taken_on(typical_gpu("sm_86")), "plugin_image");
  EXPECT_EQ(taken_on(typical_gpu("sm_90")), "plugin");
  EXPECT_EQ(taken_on(emulated_gpu()->info()), "plugin");
  expect_adds_two(*emulated_gpu());
  wanted.source = nullptr;
  EXPECT_EQ(taken_on(typical_gpu("sm_80")), "plugin_image");
  EXPECT_EQ(taken_on(typical_gpu("sm_90")), "add of the plug-in is made for sm_80, this is sm_90");
  EXPECT_EQ(taken_on(emulated_gpu()->info()), "add of the plug-in is made for sm_80, this is host");
}

TEST_F(PluginLaunches, ImagesNeedNothingCompiled) {
  give_image("compute_75");
  const GpuInfo info = typical_gpu("sm_90");
  const auto kernel = candidates(problem(info))[0]->make(problem(info));
  CodeCache cache;
  const LoadedCode code({&kernel->launches()[0]}, cache, info.architecture, nullptr);
  EXPECT_TRUE(cache.saved().empty());
}

TEST_F(PluginLaunches, ImagesRunOnTheGpuOfThisMachine) {
  const auto& real = this_gpu().gpu;
  if (!real || real->info().architecture == "host") GTEST_SKIP() << "there is no GPU here";
  for (const std::string& architecture :
       {real->info().architecture, "compute_" + real->info().architecture.substr(3)}) {
    give_image(architecture);
    EXPECT_EQ(taken_on(real->info()), "plugin_image");
    expect_adds_two(*real);
  }
  wanted.symbol = "absent";
  EXPECT_THROW(expect_adds_two(*real), Error);
}

TEST_F(PluginLaunches, NonsenseIsAnErrorWithTheOperatorsName) {
  const std::string op = "com.test.AddTwo: ";
  wanted.function = nullptr;
  EXPECT_EQ(error(), op + "the plug-in gave code without a function");
  wanted.source = nullptr;
  EXPECT_EQ(error(), op + "the plug-in gave a launch without code");
  give_image("sm_80");
  EXPECT_EQ(error(), "none");
  wanted.symbol = "";
  EXPECT_EQ(error(), op + "the plug-in gave code without a symbol");
  wanted.symbol = nullptr;
  EXPECT_EQ(error(), op + "the plug-in gave code without a symbol");
  wanted.symbol = "add";
  wanted.parameter_bytes = 4097;
  EXPECT_EQ(error(), op + "the plug-in gave parameters of 4097 bytes, a kernel takes 4096");
  wanted.parameter_bytes = sizeof(parameters);
  wanted.image_bytes = 0;
  EXPECT_EQ(error(), op + "the plug-in gave an empty image");
  wanted.image = "no code";
  wanted.image_bytes = 8;
  EXPECT_EQ(error(), op + "the image of add: neither a cubin nor a fatbin nor PTX");
}

}  // namespace
}  // namespace drawbar::cuda
