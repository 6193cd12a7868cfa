#pragma once

#include <algorithm>

#include "ops/conv/kernels/conv_kernel.h"

namespace drawbar::cpu {

// Each returns null where it does not apply.
std::unique_ptr<ConvKernel> make_pointwise(const ConvShape& shape, Isa isa);   // pointwise.cc
std::unique_ptr<ConvKernel> make_igemm(const ConvShape& shape, Isa isa);       // igemm.cc
std::unique_ptr<ConvKernel> make_row_merged(const ConvShape& shape, Isa isa);  // row_merged.cc
std::unique_ptr<ConvKernel> make_depthwise(const ConvShape& shape, Isa isa);   // depthwise.cc
std::unique_ptr<ConvKernel> make_winograd2(const ConvShape& shape, Isa isa);   // winograd.cc
std::unique_ptr<ConvKernel> make_winograd4(const ConvShape& shape, Isa isa);   // winograd.cc
std::unique_ptr<ConvKernel> make_winograd6(const ConvShape& shape, Isa isa);   // winograd.cc
std::unique_ptr<ConvKernel> make_winograd2_lean(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_winograd4_lean(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_winograd2_slices(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_winograd4_slices(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_winograd6_slices(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_small_groups(const ConvShape& shape, Isa isa);
std::unique_ptr<ConvKernel> make_grouped(const ConvShape& shape, Isa isa);  // grouped.cc

constexpr int64_t align_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

/// The cost model's rates: what one core does in a second.
struct Rates {
  double multiply_adds;  // of a matrix product
  double bytes;          // from the caches beyond the core's own
};
constexpr Rates rates(Isa isa) {
  switch (isa) {
    case Isa::amx:
    case Isa::avx512:
      return {90e9, 20e9};
    case Isa::avx2:
      return {48e9, 20e9};
    case Isa::baseline:
      return {3e9, 10e9};
  }
  return {3e9, 10e9};
}

/// Seconds of C [m, n] += A · B with `taps` runs of k in a row of A, as tiles compute it: partial
/// vectors cost as full ones, and starting a tile or a run some steps. B's element and exactness
/// are PackedMatrix's.
double multiply_seconds(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa,
                        ElementType b = ElementType::f32, bool exact = false);

/// The same with B from beyond the core's own caches. Reading it overlaps for the most part.
double product_seconds(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa,
                       ElementType b = ElementType::f32, bool exact = false);

/// Two costs that overlap for the most part.
constexpr double overlapped(double a, double b) { return std::max(a, b) + 0.3 * std::min(a, b); }

/// Calls body(const Epilogue&) with what `whole` is for the rows from `first` on, counted from
/// there.
template <class Body>
void with_rows_from(int64_t first, const Epilogue& whole, const Body& body) {
  Epilogue part = whole;
  if (part.residual != nullptr) part.residual += first * part.residual_ld;
  if (part.hook == nullptr) return body(part);
  const auto shifted = [&](float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows,
                           int64_t cols) { (*whole.hook)(c, ldc, first + row, col, rows, cols); };
  const TileHook hook(shifted);
  part.hook = &hook;
  body(part);
}

/// Calls body(line, count) for the stretches of lines that lie one behind the other in a ring.
template <class Body>
void for_each_stretch(Lines lines, int64_t ring, const Body& body) {
  for (int64_t line = lines.begin, count = 0; line < lines.end; line += count) {
    count = std::min(lines.end - line, ring - line % ring);
    body(line, count);
  }
}

/// Calls body(row, rows, image, oy, ox): the runs of output pixels within [begin, begin + count)
/// that lie in one output row; `row` counts from `begin`.
template <class Body>
void for_each_row_run(const ConvShape& shape, int64_t begin, int64_t count, Body body) {
  int64_t done = 0;
  while (done < count) {
    const int64_t pixel = begin + done;
    const int64_t ox = pixel % shape.ow;
    const int64_t line = pixel / shape.ow;
    const int64_t run = std::min(shape.ow - ox, count - done);
    body(done, run, line / shape.oh, line % shape.oh, ox);
    done += run;
  }
}

}  // namespace drawbar::cpu
