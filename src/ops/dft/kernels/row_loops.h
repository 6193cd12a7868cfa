#pragma once

#include "ops/dft/kernels/fft.h"

namespace drawbar::cpu {

/// Loops over rows of planes, `lines` numbers each, that stand around transforms.
template <class T>
struct RowLoops {
  /// z[j] = z[j] (re[j] + i im[j]) for j in [0, rows).
  void (*multiply)(Planes<T> z, const T* re, const T* im, int64_t rows, int64_t lines);
  /// x[j] = x[j] factors[j * step].
  void (*scale_each)(T* x, const T* factors, int64_t step, int64_t rows, int64_t lines);
  /// x[i] = x[i] factor, count numbers.
  void (*scale)(T* x, T factor, int64_t count);
  /// z, the transform of x[2j] + i x[2j + 1], rows of them → x's own spectrum, rows + 1 of them.
  /// `turns` holds e^(-πi k/rows) as (re, im), k <= rows / 2.
  void (*split)(Planes<T> z, const T* turns, int64_t rows, int64_t lines, Planes<T> spectrum);
  /// The inverse, times two.
  void (*join)(Planes<T> spectrum, const T* turns, int64_t rows, int64_t lines, Planes<T> z);
};

template <class T>
RowLoops<T> row_loops(Isa isa);

}  // namespace drawbar::cpu
