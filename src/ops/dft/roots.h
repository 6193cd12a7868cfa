#pragma once

#include <complex>
#include <cstdint>

namespace drawbar::ops {

/// e^(-2πi k / n), 0 <= k < n <= 2^56, right to about the last place: the angle is brought into the
/// first eighth of the circle with integers.
std::complex<double> root_of_unity(int64_t k, int64_t n);

/// The least prime factor of n, n >= 2.
int64_t least_factor(int64_t n);

}  // namespace drawbar::ops
