#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/memory.h"
#include "ops/conv/kernels/conv_kernel.h"
#include "targets/cpu/gemm/peak.h"

namespace drawbar::cpu {
namespace {

struct Free {
  void operator()(float* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<float, Free>;

/// Large enough for huge pages, as a model's arena and weights are.
Buffer buffer(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  auto* p = static_cast<float*>(allocate_memory(std::max<size_t>(size, 8 << 20)));
  for (size_t i = 0; i < size / 4; ++i) p[i] = static_cast<float>(i % 13) * 0.1f - 0.6f;
  return Buffer(p);
}

struct Layer {
  const char* what;
  int64_t size, c, m, kernel, stride, groups;
};

constexpr Layer kLayers[] = {
    {"resnet50 stem 224", 224, 3, 64, 7, 2, 1},
    {"resnet50 64@56", 56, 64, 64, 3, 1, 1},
    {"resnet50 128@28", 28, 128, 128, 3, 1, 1},
    {"resnet50 256@14", 14, 256, 256, 3, 1, 1},
    {"resnet50 512@7", 7, 512, 512, 3, 1, 1},
    {"resnet50 128@56/2", 56, 128, 128, 3, 2, 1},
    {"resnet50 256@28/2", 28, 256, 256, 3, 2, 1},
    {"resnet50 256-512@56/2", 56, 256, 512, 1, 2, 1},
    {"vgg 3-64@224", 224, 3, 64, 3, 1, 1},
    {"vgg 64@224", 224, 64, 64, 3, 1, 1},
    {"vgg 128@112", 112, 128, 128, 3, 1, 1},
    {"vgg 256@56", 56, 256, 256, 3, 1, 1},
    {"vgg 512@28", 28, 512, 512, 3, 1, 1},
    {"vgg 512@14", 14, 512, 512, 3, 1, 1},
    {"inception 48-64@35 5x5", 35, 48, 64, 5, 1, 1},
    {"openpose 185-128@46 7x7", 46, 185, 128, 7, 1, 1},
    {"openpose 128@46 7x7", 46, 128, 128, 7, 1, 1},
    {"mobilenet stem 224", 224, 3, 32, 3, 2, 1},
    {"mobilenet 32@112", 112, 32, 32, 3, 1, 32},
    {"mobilenet 96@112/2", 112, 96, 96, 3, 2, 96},
    {"mobilenet 144@56", 56, 144, 144, 3, 1, 144},
    {"mobilenet 384@14", 14, 384, 384, 3, 1, 384},
    {"mobilenet 960@7", 7, 960, 960, 3, 1, 960},
    {"efficientnet 240@28 5x5", 28, 240, 240, 5, 1, 240},
    {"resnext 128@56 in 32 groups", 56, 128, 128, 3, 1, 32},
};

ConvShape shape_of(const Layer& layer) {
  ConvShape s;
  s.h = s.w = layer.size;
  s.c = s.x_pixel_stride = layer.c;
  s.m = s.y_pixel_stride = layer.m;
  s.kh = s.kw = layer.kernel;
  s.stride_h = s.stride_w = layer.stride;
  s.pad_top = s.pad_left = layer.kernel / 2;
  s.oh = s.ow = (layer.size + 2 * (layer.kernel / 2) - layer.kernel) / layer.stride + 1;
  s.groups = layer.groups;
  return s;
}

/// Operations are those of the direct method, so that Winograd may exceed the peak.
void run(benchmark::State& state, const Layer& layer, std::string_view name, Isa level,
         int threads) {
  const ScopedIsa scope(level);
  ThreadPool pool(threads);
  const ConvShape s = shape_of(layer);
  const auto kernel = make_conv_kernel(name, s, level);
  const Buffer x = buffer(s.n * s.h * s.w * s.c * 4);
  const Buffer y = buffer(s.pixels() * s.m * 4);
  const Buffer weights = buffer(s.m * (s.c / s.groups) * s.kh * s.kw * 4);
  const Buffer packed = buffer(kernel->packed_bytes());
  const Buffer scratch = buffer(kernel->scratch_bytes(threads));
  kernel->pack(weights.get(), packed.get(), &pool);
  Epilogue epilogue;
  epilogue.bias = weights.get();
  epilogue.relu();
  const double before = measure_fma_peak(level);
  for (auto _ : state) {
    kernel->run(x.get(), packed.get(), y.get(), epilogue, scratch.get(), &pool);
  }
  const double peak = (before + measure_fma_peak(level)) / 2;
  const double rate = 2 * s.multiply_adds() * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(rate / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(rate / peak / threads, benchmark::Counter::kIsRate);
  state.counters["model_us"] = kernel->estimate_seconds(threads) * 1e6;
}

const bool registered = [] {
  for (Isa level : {Isa::amx, Isa::avx512, Isa::avx2}) {
    if (isa() < level) continue;
    for (int threads : {1, 2}) {
      for (const Layer& layer : kLayers) {
        for (const auto& kernel : conv_kernels(shape_of(layer), level, threads)) {
          const std::string_view way = kernel->name();
          const std::string title = "conv/" + std::string(layer.what) + "/" + std::string(way) +
                                    "/" + name(level) + "/threads:" + std::to_string(threads);
          benchmark::RegisterBenchmark(
              title.c_str(),
              [=](benchmark::State& state) { run(state, layer, way, level, threads); })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond);
        }
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cpu
