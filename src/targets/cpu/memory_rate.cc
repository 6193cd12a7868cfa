#include "targets/cpu/memory_rate.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unistd.h>

#include "base/memory.h"
#include "targets/cpu/concurrent_rate.h"
#include "targets/cpu/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/memory_rate.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Reads `words`, a multiple of 512, so many times; a sum, so that no load can be left out.
uint32_t read_words(const uint32_t* from, int64_t words, int64_t times) {
  const hn::ScalableTag<uint32_t> d;
  const auto n = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (int64_t time = 0; time < times; ++time) {
    for (int64_t i = 0; i < words; i += 8 * n) {
      s0 = hn::Add(s0, hn::Load(d, from + i));
      s1 = hn::Add(s1, hn::Load(d, from + i + n));
      s2 = hn::Add(s2, hn::Load(d, from + i + 2 * n));
      s3 = hn::Add(s3, hn::Load(d, from + i + 3 * n));
      s4 = hn::Add(s4, hn::Load(d, from + i + 4 * n));
      s5 = hn::Add(s5, hn::Load(d, from + i + 5 * n));
      s6 = hn::Add(s6, hn::Load(d, from + i + 6 * n));
      s7 = hn::Add(s7, hn::Load(d, from + i + 7 * n));
    }
  }
  return hn::GetLane(hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
                             hn::Add(hn::Add(s4, s5), hn::Add(s6, s7))));
}

/// Copies `words`, a multiple of 512, so many times.
void copy_words(const uint32_t* from, uint32_t* to, int64_t words, int64_t times) {
  const hn::ScalableTag<uint32_t> d;
  const auto n = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t time = 0; time < times; ++time) {
    for (int64_t i = 0; i < words; i += 4 * n) {
      const auto a = hn::Load(d, from + i), b = hn::Load(d, from + i + n);
      const auto c = hn::Load(d, from + i + 2 * n), e = hn::Load(d, from + i + 3 * n);
      hn::Store(a, d, to + i);
      hn::Store(b, d, to + i + n);
      hn::Store(c, d, to + i + 2 * n);
      hn::Store(e, d, to + i + 3 * n);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

struct Free {
  void operator()(uint32_t* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<uint32_t, Free>;

/// Reads and copies of `thread_bytes` by each thread; false where memory is short.
bool measure_level(int threads, int64_t thread_bytes, MemoryRate& rate) {
  const int64_t words = std::max<int64_t>(thread_bytes / 4 / 1024, 1) * 1024, half = words / 2;
  // Rounds long enough for the clock, and more of them where they are short.
  const int64_t times = std::max<int64_t>((16 << 20) / (words * 4), 1);
  const int rounds = times > 1 ? 12 : 4;
  std::vector<Buffer> buffers;
  for (int worker = 0; worker < threads; ++worker) {
    buffers.emplace_back(static_cast<uint32_t*>(allocate_memory(static_cast<size_t>(words) * 4)));
    if (!buffers.back()) return false;
  }
  const auto buffer = [&](int worker) { return buffers[static_cast<size_t>(worker)].get(); };
  best_concurrent_rate(threads, 0, [&](int worker) {  // each thread touches its own first
    std::memset(buffer(worker), worker, static_cast<size_t>(words) * 4);
    return 0.0;
  });
  std::vector<uint32_t> sums(static_cast<size_t>(threads) * 16);  // one cache line each
  rate.read = best_concurrent_rate(threads, rounds, [&](int worker) {
    sums[static_cast<size_t>(worker) * 16] +=
        DRAWBAR_SIMD(read_words)(buffer(worker), words, times);
    return static_cast<double>(words * 4 * times);
  });
  rate.copy = best_concurrent_rate(threads, rounds, [&](int worker) {
    DRAWBAR_SIMD(copy_words)(buffer(worker), buffer(worker) + half, half, times);
    return static_cast<double>(half * 8 * times);
  });
  return true;
}

int64_t physical_bytes() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page > 0 ? pages * page : int64_t{1} << 30;
}

}  // namespace

std::vector<MemoryRate> measure_memory_rates(int threads) {
  const CacheSizes& caches = cache_sizes();
  const int64_t most = std::min<int64_t>(int64_t{1} << 30, physical_bytes() / 8);
  const int64_t in_memory =
      std::min(std::max<int64_t>(2 * std::max(caches.l3, caches.l2 * threads), 64 << 20), most);
  struct Level {
    const char* name;
    int64_t capacity, thread_bytes;
  };
  const Level levels[] = {
      {"L1", caches.l1 * threads, caches.l1 / 2},
      {"L2", caches.l2 * threads, caches.l2 / 2},
      {"L3", caches.l3, std::clamp(caches.l3 / 2 / threads, 2 * caches.l2, 8 * caches.l2)},
      {"memory", 0, in_memory / threads},
  };
  std::vector<MemoryRate> rates;
  for (const Level& level : levels) {
    if (std::string_view(level.name) == "L3" && caches.l3 == 0) continue;
    MemoryRate rate{level.name, level.capacity};
    if (measure_level(threads, level.thread_bytes, rate)) rates.push_back(std::move(rate));
  }
  return rates;
}

}  // namespace drawbar::cpu
#endif
