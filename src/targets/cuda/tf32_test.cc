#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "ops/conv/op.h"
#include "ops/matmul/cuda_cublaslt.h"
#include "ops/matmul/op.h"
#include "targets/cuda/architecture.h"
#include "targets/cuda/loaded_code.h"
#include "targets/cuda/select.h"

// The tables of operators run their cases in TF32 too (tests/support/cuda_tactics.cc).

namespace drawbar::cuda {
namespace {

/// Of 10 bits behind the binary point, ties away from 0.
float rounded(float value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double step = std::ldexp(1.0, std::max(std::ilogb(value), -126) - 10);
  return static_cast<float>(std::round(double{value} / step) * step);
}

void expect_rounds(Gpu& gpu) {
  const float most = std::numeric_limits<float>::max(), infinity = INFINITY;
  std::vector<float> x = {0,
                          -0.0f,
                          1.0f / 3,
                          1 + 0x1p-11f,
                          -1 - 0x1p-11f,
                          1 + 0x1p-11f - 0x1p-23f,
                          1 + 0x3p-11f,
                          65504,
                          -0x1.fep-126f,
                          0x1p-130f + 0x1p-137f,
                          most,
                          -most,
                          infinity,
                          NAN};
  Launch launch;
  launch.file = "targets/cuda/code/matrix_units.cuh";
  launch.preface = {
      "__device__ __forceinline__ void round_each(const float* x, unsigned* y) {\n"
      "  y[threadIdx.x] = to_tf32(x[threadIdx.x]).bits;\n}"};
  launch.call = "round_each";
  launch.block.x = static_cast<int64_t>(x.size());
  launch.arguments = {{Argument::Source::input, 0, ElementType::f32},
                      {Argument::Source::output, 0, ElementType::u32}};
  CodeCache cache;
  const LoadedCode code({&launch}, cache, gpu.info().architecture, &gpu);
  const size_t bytes = x.size() * sizeof(float);
  const std::shared_ptr<void> from = gpu.allocate(bytes), to = gpu.allocate(bytes);
  const std::shared_ptr<Stream> stream = gpu.make_stream();
  stream->copy_to_device(from.get(), x.data(), bytes);
  void *given = from.get(), *made = to.get();
  const void* const arguments[] = {&given, &made};
  stream->launch(code.function(launch), launch.grid, launch.block, arguments, false);
  std::vector<float> y(x.size());
  stream->copy_to_host(y.data(), to.get(), bytes);
  stream->synchronize();
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      EXPECT_TRUE(std::isnan(y[i])) << gpu.info().name;
    } else {
      EXPECT_EQ(y[i], rounded(x[i])) << x[i] << " on " << gpu.info().name;
    }
  }
}

TEST(Tf32, RoundsToNearest) {
  const std::shared_ptr<Gpu> emulated = emulated_gpu(), real = this_gpu().gpu;
  expect_rounds(*emulated);
  if (real && real != emulated) expect_rounds(*real);
}

/// A problem that keeps what it refers to.
struct Asked {
  Op op;
  std::vector<Operand> inputs, outputs;
  GpuInfo gpu;
  PackedConstants packed;
  bool strict = false, tf32 = false;

  Problem problem() { return {op, inputs, outputs, gpu, packed, strict, tf32}; }
  bool on_matrix_units() {
    const std::vector<const Tactic*> found = candidates(problem());
    return std::any_of(found.begin(), found.end(), [](const Tactic* tactic) {
      return tactic->name.find("matrix_units") != std::string_view::npos;
    });
  }
};

Operand operand(ElementType type, Shape shape) {
  return {type, std::move(shape), Layout::row_major, nullptr, true};
}

Asked product(ElementType type, const std::string& architecture) {
  return {.op = ops::MatMul{},
          .inputs = {operand(type, {128, 64}), operand(type, {64, 128})},
          .outputs = {operand(type, {128, 128})},
          .gpu = typical_gpu(architecture)};
}

Asked convolution(ElementType type, const std::string& architecture) {
  return {.op = ops::Conv{},
          .inputs = {operand(type, {1, 64, 9, 9}), operand(type, {32, 64, 3, 3})},
          .outputs = {operand(type, {1, 32, 7, 7})},
          .gpu = typical_gpu(architecture)};
}

TEST(Tf32, IsUsedWhereAskedAlone) {
  for (const auto make : {product, convolution}) {
    for (const std::string architecture : {"sm_75", "sm_80", "sm_90"}) {
      Asked asked = make(ElementType::f32, architecture);
      EXPECT_FALSE(asked.on_matrix_units()) << architecture;
      asked.tf32 = true;
      EXPECT_EQ(asked.on_matrix_units(), architecture != "sm_75") << architecture;
      asked.strict = true;
      EXPECT_FALSE(asked.on_matrix_units()) << architecture;
    }
    Asked doubles = make(ElementType::f64, "sm_90");
    doubles.tf32 = true;
    EXPECT_FALSE(doubles.on_matrix_units());
  }
}

TEST(Tf32, IsAskedOfCublasLt) {
  for (const ElementType type : {ElementType::f32, ElementType::f16, ElementType::f64}) {
    Asked asked = product(type, "sm_90");
    EXPECT_FALSE(cublaslt_matmul(asked.problem())->product.tf32);
    asked.tf32 = true;
    EXPECT_EQ(cublaslt_matmul(asked.problem())->product.tf32, type == ElementType::f32);
    asked.strict = true;
    EXPECT_FALSE(cublaslt_matmul(asked.problem())->product.tf32);
  }
}

TEST(Tf32, HasTimingsOfItsOwn) {
  Asked asked = product(ElementType::f32, "sm_90");
  const std::string plain = problem_key(asked.problem());
  asked.tf32 = true;
  EXPECT_NE(problem_key(asked.problem()), plain);
}

}  // namespace
}  // namespace drawbar::cuda
