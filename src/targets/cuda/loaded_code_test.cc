#include "targets/cuda/loaded_code.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

/// On the emulation an image is what its compiler makes.
TEST(LoadedCode, TakesKernelsOfImagesBesideSources) {
  const std::shared_ptr<Gpu> gpu = emulated_gpu();
  const std::vector<std::byte> image = compile_code(
      "#include \"targets/cuda/code/device.cuh\"\n"
      "DRAWBAR_KERNEL(twice, 4, (float* y), y[threadIdx.x] *= 2)\n"
      "DRAWBAR_KERNEL(plus_one, 4, (float* y), y[threadIdx.x] += 1)\n",
      "host");
  Launch of_image;
  of_image.image = image;
  of_image.call = "twice";
  of_image.block.x = 4;
  of_image.arguments = {{Argument::Source::output, 0, ElementType::f32}};
  Launch other = of_image, of_source = of_image;
  other.call = "plus_one";
  of_source.image = {};
  of_source.call = "minus_three";
  of_source.preface = {"__device__ void minus_three(float* y) { y[threadIdx.x] -= 3; }"};

  CodeCache cache;
  const LoadedCode code({&of_image, &of_source, &other}, cache, "host", gpu.get());
  const LaunchedKernel kernel({of_image, of_source, other});
  const void* const functions[] = {code.function(of_image), code.function(of_source),
                                   code.function(other)};
  std::vector<float> y = {1, 2, 3, 4};
  const auto memory = gpu->allocate(16);
  const auto stream = gpu->make_stream();
  stream->copy_to_device(memory.get(), y.data(), 16);
  void* const outputs[] = {memory.get()};
  kernel.enqueue({*stream, {}, outputs, {}, functions});
  stream->copy_to_host(y.data(), memory.get(), 16);
  stream->synchronize();
  EXPECT_EQ(y, (std::vector<float>{0, 2, 4, 6}));

  other.call = "absent";
  try {
    LoadedCode({&other}, cache, "host", gpu.get());
    ADD_FAILURE() << "a kernel that the image lacks";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "kernel absent: device code has no kernel absent");
  }
}

}  // namespace
}  // namespace drawbar::cuda
