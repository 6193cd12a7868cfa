#include "ops/dft/kernels/fft.h"

#include <algorithm>
#include <type_traits>

#include "ops/dft/kernels/fft_passes.h"
#include "ops/dft/kernels/row_loops.h"
#include "ops/dft/roots.h"

namespace drawbar::cpu {
namespace {

using ops::root_of_unity;

/// The radices of n's passes, or nothing where a prime factor has no pass.
std::vector<int64_t> radices_of(int64_t n) {
  std::vector<int64_t> radices;
  for (; n % 4 == 0; n /= 4) radices.push_back(4);
  while (n > 1) {
    const int64_t p = ops::least_factor(n);
    if (p > largest_radix) return {};
    radices.push_back(p);
    n /= p;
  }
  return radices;
}

/// The least length from `least` on without prime factors other than 2, 3 and 5, a multiple of 4:
/// passes of 4 do the most work for what they read.
int64_t smooth_length(int64_t least) {
  int64_t best = 4;
  while (best < least) best *= 2;
  for (int64_t five = 4; five < best; five *= 5) {
    for (int64_t three = five; three < best; three *= 3) {
      int64_t length = three;
      while (length < least) length *= 2;
      best = std::min(best, length);
    }
  }
  return best;
}

template <class T>
void append(std::vector<T>& list, std::complex<double> value) {
  list.push_back(static_cast<T>(value.real()));
  list.push_back(static_cast<T>(value.imag()));
}

}  // namespace

template <class T>
Fft<T>::Fft(int64_t n, Isa isa) : n_(n), isa_(isa) {
  const std::vector<int64_t> radices = radices_of(n);
  if (n > 1 && radices.empty()) prepare_convolution();
  int64_t stride = 1;
  for (int64_t radix : radices) {
    add_pass(radix, n / stride / radix, stride);
    stride *= radix;
  }
}

template <class T>
void Fft<T>::add_pass(int64_t radix, int64_t columns, int64_t stride) {
  FftPass<T> pass{.radix = radix, .columns = columns, .stride = stride};
  pass.run = pass_code<T>(radix, isa_);
  pass.twiddles.reserve(static_cast<size_t>(2 * columns * (radix - 1)));
  for (int64_t p = 0; p < columns; ++p) {
    for (int64_t k = 1; k < radix; ++k)
      append(pass.twiddles, root_of_unity(p * k, columns * radix));
  }
  for (int64_t k = 0; radix > 5 && k < radix; ++k)
    append(pass.roots, std::conj(root_of_unity(k, radix)));
  passes_.push_back(std::move(pass));
}

template <class T>
void Fft<T>::prepare_convolution() {
  longer_ = std::make_unique<const Fft>(smooth_length(2 * n_ - 1), isa_);
  const int64_t length = longer_->n_;
  std::vector<double> re(static_cast<size_t>(length)), im(re.size()), re2(re.size()),
      im2(re.size());
  for (int64_t j = 0; j < n_; ++j) {
    const std::complex<double> chirp = root_of_unity(j * j % (2 * n_), 2 * n_);
    chirp_re_.push_back(static_cast<T>(chirp.real()));
    chirp_im_.push_back(static_cast<T>(chirp.imag()));
    for (const int64_t at : {j, (length - j) % length}) {
      re[static_cast<size_t>(at)] = chirp.real() / static_cast<double>(length);
      im[static_cast<size_t>(at)] = -chirp.imag() / static_cast<double>(length);
    }
  }
  const Planes<double> given{re.data(), im.data()}, other{re2.data(), im2.data()};
  Planes<double> spectrum;
  if constexpr (std::is_same_v<T, double>) {
    spectrum = longer_->forward(given, other, 1);
  } else {
    spectrum = Fft<double>(length, isa_).forward(given, other, 1);
  }
  spectrum_re_.assign(spectrum.re, spectrum.re + length);
  spectrum_im_.assign(spectrum.im, spectrum.im + length);
}

template <class T>
Planes<T> Fft<T>::forward(Planes<T> data, Planes<T> other, int64_t lines) const {
  if (longer_) return convolve(data, other, lines);
  for (const FftPass<T>& pass : passes_) {
    pass.run(pass, data, other, lines);
    std::swap(data, other);
  }
  return data;
}

/// jk = (j² + k² - (k - j)²) / 2: the transform is a convolution with a chirp, between products
/// with its conjugate.
template <class T>
Planes<T> Fft<T>::convolve(Planes<T> data, Planes<T> other, int64_t lines) const {
  const RowLoops<T> loops = row_loops<T>(isa_);
  const int64_t length = longer_->n_;
  loops.multiply(data, chirp_re_.data(), chirp_im_.data(), n_, lines);
  std::fill(data.re + n_ * lines, data.re + length * lines, T(0));
  std::fill(data.im + n_ * lines, data.im + length * lines, T(0));
  const Planes<T> product = longer_->forward(data, other, lines);
  loops.multiply(product, spectrum_re_.data(), spectrum_im_.data(), length, lines);
  const Planes<T> free = product.re == data.re ? other : data;
  const Planes<T> result = longer_->forward(product.swapped(), free, lines).swapped();
  loops.multiply(result, chirp_re_.data(), chirp_im_.data(), n_, lines);
  return result;
}

template class Fft<float>;
template class Fft<double>;

}  // namespace drawbar::cpu
