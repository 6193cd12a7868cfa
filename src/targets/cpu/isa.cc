#include "targets/cpu/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace drawbar::cpu {
namespace {

#if defined(__x86_64__)
/// Asks the system for the tile registers, once for the process.
bool may_use_tiles() {
  constexpr unsigned kNeeded = 1U << 24 | 1U << 22 | 1U << 25;  // tiles, bf16, int8
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kNeeded) != kNeeded) return false;
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

Isa detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The compiler's checks include the operating system's support of the wider registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("aes") ||
      !__builtin_cpu_supports("pclmul")) {
    return Isa::baseline;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return may_use_tiles() ? Isa::amx : Isa::avx512;
  }
  return Isa::avx2;
#else
  return Isa::baseline;
#endif
}

Isa detect_and_lower() {
  const Isa found = detect();
  const char* limit = std::getenv("DRAWBAR_MAX_ISA");
  if (limit == nullptr) return found;
  for (Isa level : kIsas) {
    if (std::string_view(limit) == name(level)) return std::min(found, level);
  }
  return found;
}

std::atomic<Isa>& current() {
  static std::atomic<Isa> value{detect_and_lower()};
  return value;
}

/// Reads sizes such as "48K" or "2M"; 0 when the file is missing or odd.
int64_t read_size(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  char unit = ' ';
  if (!(file >> value) || value <= 0 || value > (1 << 30)) return 0;
  file >> unit;
  if (unit == 'K') return value << 10;
  if (unit == 'M') return value << 20;
  return value;
}

CacheSizes read_cache_sizes() {
  CacheSizes sizes;
  bool found = false;
  int64_t l3 = 0;
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    std::string type;
    int level = 0;
    if (!(std::ifstream(folder + "type") >> type) || type == "Instruction") continue;
    if (!(std::ifstream(folder + "level") >> level)) continue;
    const int64_t size = read_size(folder + "size");
    if (size == 0) continue;
    found = true;
    if (level == 1) sizes.l1 = size;
    if (level == 2) sizes.l2 = size;
    if (level == 3) l3 = size;
  }
  if (found) sizes.l3 = l3;
  return sizes;
}

}  // namespace

const char* name(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::amx:
      return "amx";
  }
  return "baseline";
}

bool has_byte_dots(Isa isa) {
#if defined(__x86_64__)
  constexpr unsigned kAvx512Vnni = 1U << 11, kAvxVnni = 1U << 4;  // of leaf 7: ecx; of 7.1: eax
  unsigned a = 0, b = 0, c = 0, d = 0;
  const unsigned subleaf = isa == Isa::avx2 ? 1 : 0;
  if (isa == Isa::baseline || __get_cpuid_count(7, subleaf, &a, &b, &c, &d) == 0) return false;
  return isa == Isa::avx2 ? (a & kAvxVnni) != 0 : (c & kAvx512Vnni) != 0;
#else
  static_cast<void>(isa);
  return false;
#endif
}

Isa isa() { return current().load(std::memory_order_relaxed); }

ScopedIsa::ScopedIsa(Isa isa) : before_(cpu::isa()) { current().store(std::min(before_, isa)); }

ScopedIsa::~ScopedIsa() { current().store(before_); }

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes = read_cache_sizes();
  return sizes;
}

}  // namespace drawbar::cpu
