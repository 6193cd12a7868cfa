#pragma once

#include "ops/dft/kernels/fft.h"

namespace drawbar::cpu {

/// Odd radices up to here have passes; a greater prime factor needs a convolution.
inline constexpr int64_t largest_radix = 61;

/// The code of a pass of that radix (2, 3, 4, 5, or odd up to largest_radix).
template <class T>
decltype(FftPass<T>::run) pass_code(int64_t radix, Isa isa);

}  // namespace drawbar::cpu
