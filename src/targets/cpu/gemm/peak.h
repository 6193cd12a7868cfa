#pragma once

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Single-precision operations per second (a multiply-add is two) that one core reaches with
/// independent multiply-adds in registers (of Isa::amx, six of int8 for each): what benches and
/// cost models call the peak. Measured anew at each call, in about a millisecond.
double measure_fma_peak(Isa isa);

/// measure_fma_peak, measured once per process and instruction set.
/// Thread-safe.
double fma_peak(Isa isa);

/// What so many threads reach together, the best of several measurements: a roof. Takes some 20 ms.
double concurrent_fma_peak(Isa isa, int threads);

}  // namespace drawbar::cpu
