#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace drawbar::ops {

/// The longest line that is transformed; a longer one would take gigabytes of tables.
inline constexpr int64_t largest_transform = int64_t{1} << 24;

/// y[k] = sum over j of x[j] e^(-2πi jk/n), in double precision: what the references of DFT and
/// STFT compute with. Recursion over the prime factors of n, each by its definition; a length with
/// a prime factor above 64 is a convolution of a power of two. Source: Cooley and Tukey, "An
/// algorithm for the machine calculation of complex Fourier series", 1965; Bluestein, "A linear
/// filtering approach to the computation of discrete Fourier transform", 1970.
class Fourier {
 public:
  using Complex = std::complex<double>;

  /// 1 <= n <= 2 * largest_transform.
  explicit Fourier(int64_t n);
  int64_t length() const { return n_; }
  /// In place; needs n points.
  void transform(std::span<Complex> line) const;
  /// The inverse, divided by n.
  void inverse(std::span<Complex> line) const;

 private:
  void split(const Complex* x, int64_t step, Complex* y, int64_t n) const;
  void convolve(std::span<Complex> line) const;

  int64_t n_;
  std::vector<Complex> roots_;             // of n; those of Bluestein's chirp, e^(-πi j²/n)
  std::unique_ptr<const Fourier> longer_;  // of the convolution
  std::vector<Complex> spectrum_;          // of the conjugate chirp, at that length
};

}  // namespace drawbar::ops
