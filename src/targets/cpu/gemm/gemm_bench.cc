#include <benchmark/benchmark.h>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/gemm/peak.h"

namespace drawbar::cpu {
namespace {

struct Free {
  void operator()(float* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<float, Free>;

Buffer buffer(int64_t floats) {
  const auto bytes = static_cast<size_t>((floats * 4 + 127) / 64 * 64);
  auto* p = static_cast<float*>(std::aligned_alloc(64, bytes));
  for (size_t i = 0; i < bytes / 4; ++i) p[i] = static_cast<float>(i % 13) * 0.1f - 0.6f;
  return Buffer(p);
}

/// `peak` was measured before: together with another after it, since clock rates wander.
void report(benchmark::State& state, double operations, double peak, Isa isa, int threads) {
  peak = (peak + measure_fma_peak(isa)) / 2;
  const double rate = operations * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(rate / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(rate / peak / threads, benchmark::Counter::kIsRate);
}

struct Shape {
  const char* what;
  int64_t m, n, k;
};

constexpr Shape kShapes[] = {
    {"resnet50 56x56 64-64", 3136, 64, 64},
    {"resnet50 56x56 64-256", 3136, 256, 64},
    {"resnet50 56x56 256-64", 3136, 64, 256},
    {"resnet50 28x28 128-512", 784, 512, 128},
    {"resnet50 28x28 512-128", 784, 128, 512},
    {"resnet50 14x14 256-1024", 196, 1024, 256},
    {"resnet50 14x14 1024-256", 196, 256, 1024},
    {"resnet50 7x7 512-2048", 49, 2048, 512},
    {"resnet50 7x7 2048-512", 49, 512, 2048},
    {"mobilenet 112x112 32-16", 12544, 16, 32},
    {"mobilenet 56x56 24-144", 3136, 144, 24},
    {"mobilenet 14x14 96-576", 196, 576, 96},
    {"bert 768-768", 384, 768, 768},
    {"bert 768-3072", 384, 3072, 768},
    {"bert 3072-768", 384, 768, 3072},
    {"square 1024", 1024, 1024, 1024},
    {"fully connected 2048-1000", 1, 1000, 2048},
    {"fully connected 25088-4096", 1, 4096, 25088},
    {"decoder 4 rows 768-3072", 4, 3072, 768},
    {"rcnn 1000 rows 12544-1024", 1000, 1024, 12544},
    {"bert 128 rows 3072-768", 128, 768, 3072},
    {"vit 197 rows 3072-768", 197, 768, 3072},
};

void run_gemm(benchmark::State& state, const Shape& shape, Isa level, int threads) {
  const ScopedIsa scope(level);
  ThreadPool pool(threads);
  const Buffer a = buffer(shape.m * shape.k);
  const Buffer b = buffer(shape.n * shape.k);
  const Buffer c = buffer(shape.m * shape.n);
  const bool tiles = tiles_pay(shape.m, shape.n, 1, shape.k, level, ElementType::f32);
  const Buffer memory = buffer(packed_bytes(shape.k, shape.n, level, ElementType::f32, tiles) / 4);
  const PackedMatrix packed =
      pack(b.get(), shape.n, false, shape.k, shape.n, level, memory.get(), nullptr, tiles);
  Epilogue epilogue;
  epilogue.bias = b.get();
  epilogue.relu();
  const double peak = measure_fma_peak(level);
  for (auto _ : state) {
    gemm(shape.m, a.get(), shape.k, packed, c.get(), shape.n, epilogue, &pool);
  }
  report(state, 2.0 * static_cast<double>(shape.m * shape.n * shape.k), peak, level, threads);
}

void run_attention(benchmark::State& state, bool transposed, Isa level, int threads) {
  const ScopedIsa scope(level);
  ThreadPool pool(threads);
  const int64_t heads = 12, length = 384, size = 64;
  const BatchShape shape = transposed
                               ? BatchShape{heads, length, length, size, 768, 768, length, true}
                               : BatchShape{heads, length, size, length, length, 768, 768, false};
  const Buffer x = buffer(length * 768);
  const Buffer y = buffer(length * 768);
  const Buffer scores = buffer(heads * length * length);
  const Buffer scratch = buffer(matmul_batch_scratch_bytes(shape, threads, level) / 4);
  auto item = [&](int64_t i) -> BatchItem {
    float* square = scores.get() + i * length * length;
    if (transposed) return {x.get() + i * size, y.get() + i * size, square};
    return {square, y.get() + i * size, x.get() + i * size};
  };
  const double peak = measure_fma_peak(level);
  for (auto _ : state) matmul_batch(shape, item, {}, scratch.get(), level, &pool);
  report(state, 2.0 * static_cast<double>(heads * length * length * size), peak, level, threads);
}

const bool registered = [] {
  for (Isa level : {Isa::amx, Isa::avx512, Isa::avx2}) {
    if (isa() < level) continue;
    for (int threads : {1, 2}) {
      const std::string suffix =
          std::string("/") + name(level) + "/threads:" + std::to_string(threads);
      for (const Shape& shape : kShapes) {
        benchmark::RegisterBenchmark(
            ("gemm/" + std::string(shape.what) + suffix).c_str(),
            [=](benchmark::State& state) { run_gemm(state, shape, level, threads); })
            ->UseRealTime();
      }
      for (bool transposed : {true, false}) {
        benchmark::RegisterBenchmark(
            ((transposed ? "attention scores" : "attention values") + suffix).c_str(),
            [=](benchmark::State& state) { run_attention(state, transposed, level, threads); })
            ->UseRealTime();
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cpu
