#pragma once

#include "ops/dft/kernels/fft.h"

namespace drawbar::cpu {

/// What a transform makes of a line x, a real or complex signal or spectrum.
struct FourierForm {
  int64_t length = 1;       // n
  bool inverse = false;     // exponents of the other sign, and divided by n
  bool complex_in = false;  // x is complex; else real
  bool half_in = false;     // inverse: x holds the points 0 … n/2 of a real signal's spectrum
  bool half_out = false;    // only the points 0 … n/2 are wanted
  int64_t given = 1;  // points of x that are there, at most those that are read; the others are 0

  int64_t points_in() const { return half_in ? length / 2 + 1 : length; }
  int64_t points_out() const { return half_out ? length / 2 + 1 : length; }
  /// Whether a real signal is transformed as one of half as many points.
  bool pairs() const { return length % 2 == 0 && (half_in || !complex_in); }
};

/// Where line l has point j: at j * point + l * line, in elements; a complex number is two
/// neighbours. Points or lines must lie side by side.
struct LineStrides {
  int64_t point = 1, line = 1;
};

/// Transforms of the lines of a tensor in single or double precision, some at a time. Real signals
/// of an even length take half the work: their even and odd points are the real and imaginary parts
/// of a signal of n/2 points. Immutable; threads share it, each with scratch memory of its own.
template <class T>
class FourierLines {
 public:
  /// At most `most_lines` at once.
  FourierLines(const FourierForm& form, int64_t most_lines, Isa isa);

  int64_t lines_at_once() const { return lines_; }
  size_t scratch_bytes() const;  // of one thread
  /// Transforms at most lines_at_once() lines. `window` has a factor for each of the n points, or
  /// is null.
  void run(const T* from, LineStrides from_strides, const T* window, T* to, LineStrides to_strides,
           int64_t lines, void* scratch) const;

 private:
  struct Work;
  Planes<T> transform_complex(Work& work) const;
  Planes<T> transform_real(Work& work) const;
  Planes<T> transform_half(Work& work) const;

  FourierForm form_;
  Isa isa_;
  Fft<T> fft_;
  int64_t rows_ = 1;   // of each plane
  int64_t plane_ = 0;  // numbers of each plane
  int64_t lines_ = 1;
  std::vector<T> turns_;  // of split and join
};

extern template class FourierLines<float>;
extern template class FourierLines<double>;

}  // namespace drawbar::cpu
