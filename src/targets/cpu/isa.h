#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// The instruction sets kernels are written for, each including the ones before it.
enum class Isa {
  baseline,  // x86-64 as every compiler assumes it, or any other processor
  avx2,      // AVX2, FMA, F16C, BMI2 (and AES, PCLMUL, which come with them)
  avx512,    // AVX-512 F, BW, DQ and VL
  amx,       // the tile unit (AMX-TILE, AMX-BF16, AMX-INT8), as far as the system lends it
};

/// All of them, each including the ones before it.
inline constexpr Isa kIsas[] = {Isa::baseline, Isa::avx2, Isa::avx512, Isa::amx};

/// The spelling used in messages, engines and DRAWBAR_MAX_ISA: "baseline", "avx2", "avx512", "amx".
const char* name(Isa isa);

/// The best set this process may use: detected once, lowered by the environment variable
/// DRAWBAR_MAX_ISA=baseline|avx2|avx512|amx. Thread-safe.
Isa isa();

/// Whether the processor adds up products of bytes by fours within an instruction set: AVX-VNNI for
/// avx2, AVX512-VNNI for avx512 and amx. Thread-safe.
bool has_byte_dots(Isa isa);

/// Lowers isa() for the process while it lives; never raises it above what the processor has.
/// For tests and benches: not to be used while other threads run kernels.
class ScopedIsa {
 public:
  explicit ScopedIsa(Isa isa);
  ~ScopedIsa();
  ScopedIsa(const ScopedIsa&) = delete;
  ScopedIsa& operator=(const ScopedIsa&) = delete;

 private:
  Isa before_;
};

/// Data cache sizes in bytes: of one core (l1, l2) and of one package (l3, 0 where there is none).
struct CacheSizes {
  int64_t l1 = 32 << 10;
  int64_t l2 = 512 << 10;
  int64_t l3 = 8 << 20;
};

/// Read once from the operating system, with the defaults above where it is silent. Thread-safe.
const CacheSizes& cache_sizes();

}  // namespace drawbar::cpu
