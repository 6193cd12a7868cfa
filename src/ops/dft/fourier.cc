#include "ops/dft/fourier.h"

#include <algorithm>
#include <bit>

#include "ops/dft/roots.h"

namespace drawbar::ops {
namespace {

constexpr int64_t largest_sum = 64;  // prime factors up to here are computed by their definition

int64_t greatest_factor(int64_t n) {
  int64_t greatest = 1;
  while (n > 1) {
    greatest = least_factor(n);  // in rising order
    n /= greatest;
  }
  return greatest;
}

}  // namespace

Fourier::Fourier(int64_t n) : n_(n), roots_(static_cast<size_t>(n)) {
  if (greatest_factor(n) <= largest_sum) {
    for (int64_t k = 0; k < n; ++k) roots_[static_cast<size_t>(k)] = root_of_unity(k, n);
    return;
  }
  for (int64_t k = 0; k < n; ++k)
    roots_[static_cast<size_t>(k)] = root_of_unity(k * k % (2 * n), 2 * n);
  longer_ = std::make_unique<const Fourier>(
      static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * n - 1))));
  spectrum_.assign(static_cast<size_t>(longer_->n_), 0);
  for (int64_t k = 0; k < n; ++k) {
    const Complex value = std::conj(roots_[static_cast<size_t>(k)]);
    spectrum_[static_cast<size_t>(k)] = value;
    if (k > 0) spectrum_[static_cast<size_t>(longer_->n_ - k)] = value;
  }
  longer_->transform(spectrum_);
}

void Fourier::transform(std::span<Complex> line) const {
  if (longer_) return convolve(line);
  const std::vector<Complex> x(line.begin(), line.end());
  split(x.data(), 1, line.data(), n_);
}

void Fourier::inverse(std::span<Complex> line) const {
  for (Complex& value : line) value = std::conj(value);
  transform(line);
  for (Complex& value : line) value = std::conj(value) / static_cast<double>(n_);
}

/// y = the transform of the n points x[j * step]; n_ = n * step.
void Fourier::split(const Complex* x, int64_t step, Complex* y, int64_t n) const {
  if (n == 1) {
    y[0] = x[0];
    return;
  }
  const int64_t p = least_factor(n), m = n / p;
  for (int64_t j = 0; j < p; ++j) split(x + j * step, step * p, y + j * m, m);
  Complex terms[largest_sum];
  for (int64_t k = 0; k < m; ++k) {
    for (int64_t j = 0; j < p; ++j)
      terms[j] = y[j * m + k] * roots_[static_cast<size_t>(j * k * step)];
    for (int64_t q = 0; q < p; ++q) {
      Complex sum = 0;
      for (int64_t j = 0; j < p; ++j)
        sum += terms[j] * roots_[static_cast<size_t>(j * q % p * m * step)];
      y[q * m + k] = sum;
    }
  }
}

/// jk = (j² + k² - (j - k)²) / 2 makes the transform a convolution with a chirp.
void Fourier::convolve(std::span<Complex> line) const {
  std::vector<Complex> padded(spectrum_.size());
  for (size_t k = 0; k < roots_.size(); ++k) padded[k] = line[k] * roots_[k];
  longer_->transform(padded);
  for (size_t k = 0; k < padded.size(); ++k) padded[k] *= spectrum_[k];
  longer_->inverse(padded);
  for (size_t k = 0; k < roots_.size(); ++k) line[k] = padded[k] * roots_[k];
}

}  // namespace drawbar::ops
