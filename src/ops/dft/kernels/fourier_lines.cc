#include "ops/dft/kernels/fourier_lines.h"

#include <algorithm>

#include "ops/dft/kernels/row_loops.h"
#include "ops/dft/roots.h"
#include "targets/cpu/copy/transpose_loops.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t tile_points = 32;  // transposed at once

/// Elements from which planes begin apart, so that they do not fall on the same lines of a cache.
constexpr int64_t plane_gap = 80;

/// Between a tensor and planes [point, line].
template <class T>
struct Mover {
  int64_t lines;
  T* tile;  // [tile_points, lines] complex numbers
  TransposeLoop transpose_number = transpose_loop(sizeof(T));
  TransposeLoop transpose_pair = transpose_loop(2 * sizeof(T));
  InterleaveLoop interleave = interleave_loop(sizeof(T));
  DeinterleaveLoop deinterleave = deinterleave_loop(sizeof(T));

  static constexpr bool pairs_are_words = sizeof(T) == 4;

  void load_complex(const T* from, LineStrides s, int64_t points, Planes<T> z) const {
    const int64_t between = z.im - z.re;
    if (s.point == 2 && lines == 1) return deinterleave(from, z.re, between, 2, points);
    if (s.point == 2 && pairs_are_words) {
      for (int64_t j = 0; j < points; j += tile_points) {
        const int64_t count = std::min(tile_points, points - j);
        transpose_pair(from + 2 * j, s.line / 2, tile, lines, lines, count);
        deinterleave(tile, z.re + j * lines, between, 2, count * lines);
      }
      return;
    }
    for (int64_t j = 0; j < points; ++j, from += s.point) {
      if (s.line == 2) {
        deinterleave(from, z.re + j * lines, between, 2, lines);
        continue;
      }
      for (int64_t l = 0; l < lines; ++l) {
        z.re[j * lines + l] = from[l * s.line];
        z.im[j * lines + l] = from[l * s.line + 1];
      }
    }
  }

  void store_complex(Planes<T> z, int64_t points, T* to, LineStrides s) const {
    const int64_t between = z.im - z.re;
    if (s.point == 2 && lines == 1) return interleave(z.re, between, to, 2, points);
    if (s.point == 2 && pairs_are_words) {
      for (int64_t j = 0; j < points; j += tile_points) {
        const int64_t count = std::min(tile_points, points - j);
        interleave(z.re + j * lines, between, tile, 2, count * lines);
        transpose_pair(tile, lines, to + 2 * j, s.line / 2, count, lines);
      }
      return;
    }
    for (int64_t j = 0; j < points; ++j, to += s.point) {
      if (s.line == 2) {
        interleave(z.re + j * lines, between, to, 2, lines);
        continue;
      }
      for (int64_t l = 0; l < lines; ++l) {
        to[l * s.line] = z.re[j * lines + l];
        to[l * s.line + 1] = z.im[j * lines + l];
      }
    }
  }

  void load_real(const T* from, LineStrides s, int64_t points, T* plane) const {
    if (s.point == 1) return transpose_number(from, s.line, plane, lines, lines, points);
    for (int64_t j = 0; j < points; ++j) {
      if (s.line == 1) {
        std::copy_n(from + j * s.point, lines, plane + j * lines);
        continue;
      }
      for (int64_t l = 0; l < lines; ++l) plane[j * lines + l] = from[j * s.point + l * s.line];
    }
  }

  void store_real(const T* plane, int64_t points, T* to, LineStrides s) const {
    if (s.point == 1) return transpose_number(plane, lines, to, s.line, points, lines);
    for (int64_t j = 0; j < points; ++j) {
      if (s.line == 1) {
        std::copy_n(plane + j * lines, lines, to + j * s.point);
        continue;
      }
      for (int64_t l = 0; l < lines; ++l) to[j * s.point + l * s.line] = plane[j * lines + l];
    }
  }

  /// Points 2j and 2j + 1 of real lines as the parts of point j. An even line stride is needed to
  /// move pairs as words.
  void load_pairs(const T* from, LineStrides s, int64_t points, Planes<T> z) const {
    if (s.point == 1 && (lines == 1 || s.line % 2 == 0)) {
      load_complex(from, {2, s.line}, points / 2, z);
    } else {
      load_real(from, {2 * s.point, s.line}, points / 2, z.re);
      load_real(from + s.point, {2 * s.point, s.line}, points / 2, z.im);
    }
    if (points % 2 == 0) return;
    load_real(from + (points - 1) * s.point, {2 * s.point, s.line}, 1, z.re + points / 2 * lines);
    std::fill_n(z.im + points / 2 * lines, lines, T(0));
  }

  void store_pairs(Planes<T> z, int64_t points, T* to, LineStrides s) const {
    if (s.point == 1 && (lines == 1 || s.line % 2 == 0))
      return store_complex(z, points / 2, to, {2, s.line});
    store_real(z.re, points / 2, to, {2 * s.point, s.line});
    store_real(z.im, points / 2, to + s.point, {2 * s.point, s.line});
  }
};

template <class T>
void clear_rows(Planes<T> z, int64_t begin, int64_t end, int64_t lines) {
  std::fill(z.re + begin * lines, z.re + std::max(begin, end) * lines, T(0));
  std::fill(z.im + begin * lines, z.im + std::max(begin, end) * lines, T(0));
}

/// Rows n - k = conj(row k) for 0 < k < n - k.
template <class T>
void mirror_rows(Planes<T> z, int64_t n, int64_t lines) {
  for (int64_t k = 1; 2 * k < n; ++k) {
    std::copy_n(z.re + k * lines, lines, z.re + (n - k) * lines);
    for (int64_t l = 0; l < lines; ++l) z.im[(n - k) * lines + l] = -z.im[k * lines + l];
  }
}

}  // namespace

/// What `run` was asked for, and where it works.
template <class T>
struct FourierLines<T>::Work {
  const T* from;
  LineStrides strides;
  const T* window;
  int64_t lines;
  Planes<T> data, other;
  Mover<T> mover;
  RowLoops<T> loops;
};

template <class T>
FourierLines<T>::FourierLines(const FourierForm& form, int64_t most_lines, Isa isa)
    : form_(form), isa_(isa), fft_(form.pairs() ? form.length / 2 : form.length, isa) {
  const bool half_rows = form.pairs() && (form.half_in || form.half_out);
  rows_ = std::max(fft_.rows(), half_rows ? form.length / 2 + 1 : form.length);
  if (form.pairs()) {
    const int64_t half = form.length / 2;
    for (int64_t k = 0; k <= half / 2; ++k) {
      const std::complex<double> turn = ops::root_of_unity(k, form.length);
      turns_.push_back(static_cast<T>(turn.real()));
      turns_.push_back(static_cast<T>(turn.imag()));
    }
  }
  // As many lines as fill a vector, as long as their planes stay in the second-level cache.
  const int64_t bytes = isa >= Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16;
  lines_ = bytes / static_cast<int64_t>(sizeof(T));
  const int64_t line_bytes = 4 * rows_ * static_cast<int64_t>(sizeof(T));
  while (lines_ > 1 && lines_ * line_bytes > cache_sizes().l2 / 2) lines_ /= 2;
  lines_ = std::max<int64_t>(1, std::min(lines_, most_lines));
  plane_ = (rows_ * lines_ + 15) / 16 * 16 + plane_gap;
}

template <class T>
size_t FourierLines<T>::scratch_bytes() const {
  const int64_t numbers = 4 * plane_ + 2 * tile_points * lines_;
  return (static_cast<size_t>(numbers) * sizeof(T) + 63) / 64 * 64;
}

template <class T>
Planes<T> FourierLines<T>::transform_complex(Work& w) const {
  w.mover.load_complex(w.from, w.strides, form_.given, w.data);
  clear_rows(w.data, form_.given, form_.length, w.lines);
  if (w.window) {
    w.loops.scale_each(w.data.re, w.window, 1, form_.given, w.lines);
    w.loops.scale_each(w.data.im, w.window, 1, form_.given, w.lines);
  }
  if (!form_.inverse) return fft_.forward(w.data, w.other, w.lines);
  return fft_.forward(w.data.swapped(), w.other, w.lines).swapped();
}

template <class T>
Planes<T> FourierLines<T>::transform_real(Work& w) const {
  const int64_t n = form_.length, lines = w.lines;
  Planes<T> result;
  if (form_.pairs()) {
    w.mover.load_pairs(w.from, w.strides, form_.given, w.data);
    clear_rows(w.data, (form_.given + 1) / 2, n / 2, lines);
    if (w.window) {
      w.loops.scale_each(w.data.re, w.window, 2, n / 2, lines);
      w.loops.scale_each(w.data.im, w.window + 1, 2, n / 2, lines);
    }
    const Planes<T> packed = fft_.forward(w.data, w.other, lines);
    result = packed.re == w.data.re ? w.other : w.data;
    w.loops.split(packed, turns_.data(), n / 2, lines, result);
    if (!form_.half_out) mirror_rows(result, n, lines);
  } else {
    w.mover.load_real(w.from, w.strides, form_.given, w.data.re);
    clear_rows(w.data, form_.given, n, lines);
    std::fill_n(w.data.im, form_.given * lines, T(0));
    if (w.window) w.loops.scale_each(w.data.re, w.window, 1, form_.given, lines);
    result = fft_.forward(w.data, w.other, lines);
    std::fill_n(result.im, lines, T(0));
  }
  if (form_.inverse) w.loops.scale(result.im, T(-1), form_.points_out() * lines);
  return result;
}

template <class T>
Planes<T> FourierLines<T>::transform_half(Work& w) const {
  const int64_t n = form_.length;
  w.mover.load_complex(w.from, w.strides, form_.given, w.data);
  clear_rows(w.data, form_.given, n / 2 + 1, w.lines);
  if (form_.pairs()) {
    w.loops.join(w.data, turns_.data(), n / 2, w.lines, w.other);
    return fft_.forward(w.other.swapped(), w.data, w.lines).swapped();
  }
  std::fill_n(w.data.im, w.lines, T(0));
  mirror_rows(w.data, n, w.lines);
  return fft_.forward(w.data.swapped(), w.other, w.lines).swapped();
}

template <class T>
void FourierLines<T>::run(const T* from, LineStrides from_strides, const T* window, T* to,
                          LineStrides to_strides, int64_t lines, void* scratch) const {
  T* memory = static_cast<T*>(scratch);
  Work work{from,
            from_strides,
            window,
            lines,
            {memory, memory + plane_},
            {memory + 2 * plane_, memory + 3 * plane_},
            {lines, memory + 4 * plane_},
            row_loops<T>(isa_)};
  const Planes<T> result = form_.half_in      ? transform_half(work)
                           : form_.complex_in ? transform_complex(work)
                                              : transform_real(work);
  const int64_t points = form_.points_out();
  if (form_.inverse) {
    const T factor = T(1) / static_cast<T>(form_.length);
    const int64_t count = (form_.half_in && form_.pairs() ? points / 2 : points) * lines;
    work.loops.scale(result.re, factor, count);
    if (!form_.half_in || form_.pairs()) work.loops.scale(result.im, factor, count);
  }
  if (!form_.half_in) return work.mover.store_complex(result, points, to, to_strides);
  if (form_.pairs()) return work.mover.store_pairs(result, points, to, to_strides);
  work.mover.store_real(result.re, points, to, to_strides);
}

template class FourierLines<float>;
template class FourierLines<double>;

}  // namespace drawbar::cpu
