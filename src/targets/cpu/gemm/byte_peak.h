#pragma once

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Operations per second on bytes with sums of 32 bits (a multiply-add is two) that so many threads
/// reach together with the instruction set's best unit, from the first-level cache: the best of
/// several measurements, a roof. Takes some 20 ms.
double concurrent_byte_peak(Isa isa, int threads);

}  // namespace drawbar::cpu
