#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Complex numbers as two arrays of rows: row j holds point j of every line that is transformed.
template <class T>
struct Planes {
  T *re = nullptr, *im = nullptr;

  Planes swapped() const { return {im, re}; }  // of z: those of i·conj(z)
};

/// One pass over all points: `columns` transforms of `radix` points each, for every one of `stride`
/// transforms done so far.
template <class T>
struct FftPass {
  int64_t radix = 1, columns = 1, stride = 1;
  std::vector<T> twiddles;  // [columns, radix - 1] of (re, im)
  std::vector<T> roots;     // [radix] of (cos, sin), for radices without code of their own
  void (*run)(const FftPass&, Planes<T> from, Planes<T> to, int64_t lines) = nullptr;
};

/// y[k] = sum over j of x[j] e^(-2πi jk/n) for many lines at once, in single or double precision.
///
/// Stockham's self-sorting transform with passes of 4, 3, 5, 2 and odd primes up to 61. Rows of all
/// lines lie side by side, so that every pass is vectors of neighbours; a lone line fills them
/// after its first passes. Lengths with greater prime factors become a convolution of a length of
/// 2, 3, 5 (Bluestein). Twiddles are computed in double precision, once. Sources: Van Loan,
/// "Computational Frameworks for the Fast Fourier Transform", 1992; Bluestein 1970.
///
/// Error: with e the unit roundoff of T, the root of the mean square of a line's errors is at most
/// e log2(4n) of that of its result, and three times as much where Bluestein's way is taken
/// (fft_test.cc).
template <class T>
class Fft {
 public:
  /// 1 <= n <= 2^24.
  Fft(int64_t n, Isa isa);

  int64_t length() const { return n_; }
  /// Rows that the planes of `forward` must have: n, or the convolution's length.
  int64_t rows() const { return longer_ ? longer_->n_ : n_; }
  /// Transforms the first n rows of `data`, of so many lines each. The result is in the first n
  /// rows of the planes that are returned, `data` or `other`; both are overwritten. The inverse,
  /// not divided by n, is that of swapped planes, to be swapped again.
  Planes<T> forward(Planes<T> data, Planes<T> other, int64_t lines) const;

 private:
  void add_pass(int64_t radix, int64_t columns, int64_t stride);
  void prepare_convolution();
  Planes<T> convolve(Planes<T> data, Planes<T> other, int64_t lines) const;

  int64_t n_;
  Isa isa_;
  std::vector<FftPass<T>> passes_;
  std::unique_ptr<const Fft> longer_;         // of Bluestein's convolution
  std::vector<T> chirp_re_, chirp_im_;        // e^(-πi j²/n)
  std::vector<T> spectrum_re_, spectrum_im_;  // of its conjugate, divided by rows()
};

extern template class Fft<float>;
extern template class Fft<double>;

}  // namespace drawbar::cpu
