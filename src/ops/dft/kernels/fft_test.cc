#include "ops/dft/kernels/fft.h"

#include <cmath>
#include <complex>
#include <gtest/gtest.h>
#include <random>

#include "ops/dft/fourier.h"
#include "ops/dft/roots.h"

namespace drawbar::cpu {
namespace {

using Complex = std::complex<double>;

std::vector<Complex> draw_line(int64_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> values(-1, 1);  // exact in both precisions
  std::vector<Complex> line;
  for (int64_t i = 0; i < n; ++i) line.emplace_back(values(random), values(random));
  return line;
}

/// The definition, summed in extended precision.
std::vector<Complex> direct(const std::vector<Complex>& x) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<Complex> roots, y;
  for (int64_t k = 0; k < n; ++k) roots.push_back(ops::root_of_unity(k, n));
  for (int64_t k = 0; k < n; ++k) {
    std::complex<long double> sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      sum += std::complex<long double>(x[static_cast<size_t>(j)]) *
             std::complex<long double>(roots[static_cast<size_t>(j * k % n)]);
    }
    y.emplace_back(sum);
  }
  return y;
}

/// The root of the errors' mean square over that of the result.
template <class At>
double relative_error(const std::vector<Complex>& want, const At& at) {
  double error = 0, size = 0;
  for (size_t k = 0; k < want.size(); ++k) {
    error += std::norm(at(k) - want[k]);
    size += std::norm(want[k]);
  }
  return std::sqrt(error / size);
}

template <class T>
double bound(int64_t n, bool convolved) {
  const double unit = std::is_same_v<T, float> ? 0x1p-24 : 0x1p-53;
  return unit * std::log2(4 * static_cast<double>(n)) * (convolved ? 3 : 1);
}

template <class T>
void expect_transform(int64_t n, int64_t lines, Isa isa, const std::vector<Complex>& want_last) {
  const Fft<T> fft(n, isa);
  const auto size = static_cast<size_t>(fft.rows() * lines);
  std::vector<T> memory(4 * size);
  const Planes<T> data{memory.data(), memory.data() + size};
  const Planes<T> other{data.re + 2 * size, data.im + 2 * size};
  const std::vector<Complex> last = draw_line(n, 7);
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < lines; ++l) {  // each line a multiple of the last one
      const Complex x =
          last[static_cast<size_t>(j)] * std::ldexp(1.0, static_cast<int>(lines - 1 - l));
      data.re[j * lines + l] = static_cast<T>(x.real());
      data.im[j * lines + l] = static_cast<T>(x.imag());
    }
  }
  const Planes<T> y = fft.forward(data, other, lines);
  for (int64_t l = 0; l < lines; ++l) {
    const double error = relative_error(want_last, [&](size_t k) {
      const size_t at = k * static_cast<size_t>(lines) + static_cast<size_t>(l);
      return Complex(y.re[at], y.im[at]) * std::ldexp(1.0, static_cast<int>(l + 1 - lines));
    });
    EXPECT_LE(error, bound<T>(n, fft.rows() != n))
        << n << " points, line " << l << " of " << lines << ", " << name(isa) << ", " << sizeof(T)
        << " bytes";
  }
}

std::vector<int64_t> lengths() {
  std::vector<int64_t> all;
  for (int64_t n = 1; n <= 135; ++n) all.push_back(n);
  for (const int64_t n : {240, 256, 400, 441, 512, 640, 961, 1000, 1024, 1331, 2048, 4099})
    all.push_back(n);
  return all;
}

TEST(Fft, StaysWithinItsErrorBound) {
  const Isa best = isa();
  for (const int64_t n : lengths()) {
    const std::vector<Complex> want = direct(draw_line(n, 7));
    for (const Isa level : kIsas) {
      if (level > best) break;
      for (const int64_t lines : {1, 3, 16}) {
        expect_transform<float>(n, lines, level, want);
        expect_transform<double>(n, lines, level, want);
      }
    }
  }
}

TEST(Fft, LongLinesStayWithinItsErrorBound) {
  for (const int64_t n : {1 << 17, 100003, 3 * 5 * 7 * 11 * 13 * 17}) {
    std::vector<Complex> want = draw_line(n, 7);
    ops::Fourier(n).transform(want);
    expect_transform<float>(n, 1, isa(), want);
    expect_transform<double>(n, 1, isa(), want);
  }
}

/// The references' own transform is held by the definition too.
TEST(Fourier, FollowsTheDefinition) {
  for (const int64_t n : lengths()) {
    std::vector<Complex> line = draw_line(n, 7);
    const std::vector<Complex> want = direct(line), given = line;
    const ops::Fourier fourier(n);
    fourier.transform(line);
    EXPECT_LE(relative_error(want, [&](size_t k) { return line[k]; }), bound<double>(n, true)) << n;
    fourier.inverse(line);
    EXPECT_LE(relative_error(given, [&](size_t k) { return line[k]; }), bound<double>(n, true) * 2)
        << n;
  }
}

}  // namespace
}  // namespace drawbar::cpu
