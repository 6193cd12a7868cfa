#include "ops/dft/roots.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace drawbar::ops {

std::complex<double> root_of_unity(int64_t k, int64_t n) {
  int64_t angle = 8 * k;  // the whole circle is 8n
  bool below = false, left = false, steep = false;
  if (angle > 4 * n) {
    angle = 8 * n - angle;
    below = true;
  }
  if (angle > 2 * n) {
    angle = 4 * n - angle;
    left = true;
  }
  if (angle > n) {
    angle = 2 * n - angle;
    steep = true;
  }
  const double radians =
      std::numbers::pi * static_cast<double>(angle) / (4 * static_cast<double>(n));
  double cosine = std::cos(radians), sine = std::sin(radians);
  if (steep) std::swap(cosine, sine);
  return {left ? -cosine : cosine, below ? sine : -sine};
}

int64_t least_factor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

}  // namespace drawbar::ops
