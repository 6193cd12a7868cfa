#include <algorithm>
#include <benchmark/benchmark.h>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/memory.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/bytes.h"

namespace drawbar::cpu {
namespace {

struct Free {
  void operator()(std::byte* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<std::byte, Free>;

Buffer buffer(int64_t bytes) {
  auto* p = static_cast<std::byte*>(
      allocate_memory(static_cast<size_t>(std::max<int64_t>(bytes, 8 << 20))));
  for (int64_t i = 0; i < bytes; ++i) p[i] = static_cast<std::byte>(i * 7 % 61);
  return Buffer(p);
}

struct Shape {
  const char* what;
  int64_t m, n, k;
};

/// Matrices of ResNet50's 1 × 1 convolutions, of BERT-base with 128 tokens, and of MobileNet v2's 1
/// × 1 convolutions.
constexpr Shape kShapes[] = {
    {"3136 x 64 x 64", 3136, 64, 64},     {"3136 x 256 x 64", 3136, 256, 64},
    {"3136 x 64 x 256", 3136, 64, 256},   {"784 x 512 x 128", 784, 512, 128},
    {"784 x 128 x 512", 784, 128, 512},   {"196 x 1024 x 256", 196, 1024, 256},
    {"196 x 256 x 1024", 196, 256, 1024}, {"49 x 2048 x 512", 49, 2048, 512},
    {"49 x 512 x 2048", 49, 512, 2048},   {"128 x 768 x 768", 128, 768, 768},
    {"128 x 3072 x 768", 128, 3072, 768}, {"128 x 768 x 3072", 128, 768, 3072},
    {"1 x 1000 x 2048", 1, 1000, 2048},   {"12544 x 96 x 16", 12544, 96, 16},
    {"3136 x 144 x 24", 3136, 144, 24},   {"3136 x 24 x 144", 3136, 24, 144},
    {"784 x 192 x 32", 784, 192, 32},
};

void run(benchmark::State& state, const Shape& shape, Isa level, ByteUnit unit, int threads) {
  ThreadPool pool(threads);
  const auto [what, m, n, k] = shape;
  const Buffer rows = buffer(m * k), y = buffer(m * n);
  std::vector<int16_t> w(static_cast<size_t>(n * k));
  std::mt19937 engine(7);
  std::normal_distribution<double> normal(0, 19);  // as of trained weights in seven bits
  for (auto& x : w)
    x = static_cast<int16_t>(std::clamp(std::nearbyint(normal(engine)), -63.0, 63.0));
  PackedBytes b{.k = k, .n = n, .isa = level, .unit = unit};
  b.plan = plan_bytes(w.data(), b, 1, false);
  const Buffer packed = buffer(packed_size(b)), factors = buffer(3 * 4 * (n + 32));
  pack_bytes(w.data(), b, packed.get());
  b.data = packed.get();
  auto* floats = reinterpret_cast<float*>(factors.get());
  std::fill_n(floats, 2 * (n + 32), 1e-4f);
  ByteEpilogue epilogue;
  epilogue.offset = reinterpret_cast<const int32_t*>(floats + 2 * (n + 32));
  epilogue.multiplier = floats;
  epilogue.addend = floats + n + 32;
  epilogue.bounded = is_bounded(epilogue, n);
  const auto fill = [&](int64_t row, int64_t count, const std::byte** list) {
    for (int64_t r = 0; r < count; ++r) list[r] = rows.get() + (row + r) * shape.k;
  };
  const ByteRows a{1, k, false, fill};
  const Buffer scratch = buffer(multiply_bytes_scratch(m, 1, k, false, b, threads));
  for (auto _ : state) multiply_bytes(m, a, b, y.get(), n, epilogue, scratch.get(), &pool);
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(m * n * k) * 1e-9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (Isa level : {Isa::amx, Isa::avx512, Isa::avx2}) {
    if (isa() < level) continue;
    for (ByteUnit unit : byte_units(level)) {
      if (level == Isa::amx && unit != ByteUnit::tiles) continue;  // those of avx512
      for (int threads : {1, 2}) {
        for (const Shape& shape : kShapes) {
          const std::string title = std::string("bytes/") + shape.what + "/" + name(level) + "/" +
                                    name(unit) + "/threads:" + std::to_string(threads);
          benchmark::RegisterBenchmark(
              title.c_str(),
              [=](benchmark::State& state) { run(state, shape, level, unit, threads); })
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
