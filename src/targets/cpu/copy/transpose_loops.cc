#include "targets/cpu/copy/transpose_loops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/copy/transpose_loops.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Elements may lie at any address.
template <class T>
HWY_INLINE void copy_one(T* to, const T* from) {
  __builtin_memcpy(to, from, sizeof(T));
}

template <class T>
void transpose_plain(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t rows,
                     int64_t columns) {
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) copy_one(to + j * to_stride + i, from + i * from_stride + j);
  }
}

#if HWY_TARGET != HWY_SCALAR

/// 128 bits of each of kBlocks rows that lie `stride` apart.
template <class T, size_t kBlocks>
HWY_INLINE auto load_rows(const T* from, int64_t stride) {
  constexpr size_t n = 16 / sizeof(T);
  const hn::FixedTag<T, n * kBlocks> d;
  if constexpr (kBlocks == 1) {
    return hn::LoadU(d, from);
  } else {
    return hn::Combine(d, load_rows<T, kBlocks / 2>(from + kBlocks / 2 * stride, stride),
                       load_rows<T, kBlocks / 2>(from, stride));
  }
}

/// Rows i of a tile of n·kBlocks rows and n columns, n elements filling 128 bits. Interleaving the
/// halves log2(n) times transposes every 128-bit block by itself.
template <class T, size_t kBlocks>
HWY_INLINE void transpose_tile(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  constexpr size_t n = 16 / sizeof(T);
  const hn::FixedTag<T, n * kBlocks> d;
  hn::Vec<decltype(d)> v[n], w[n];
#pragma GCC unroll 16
  for (size_t k = 0; k < n; ++k) {
    v[k] = load_rows<T, kBlocks>(from + static_cast<int64_t>(k) * from_stride,
                                 from_stride * static_cast<int64_t>(n));
  }
#pragma GCC unroll 4
  for (size_t half = 1; half < n; half *= 2) {
#pragma GCC unroll 16
    for (size_t k = 0; k < n / 2; ++k) {
      w[2 * k] = hn::InterleaveLower(d, v[k], v[k + n / 2]);
      w[2 * k + 1] = hn::InterleaveUpper(d, v[k], v[k + n / 2]);
    }
#pragma GCC unroll 16
    for (size_t k = 0; k < n; ++k) v[k] = w[k];
  }
#pragma GCC unroll 16
  for (size_t k = 0; k < n; ++k) hn::StoreU(v[k], d, to + static_cast<int64_t>(k) * to_stride);
}

/// A band of n·kBlocks rows; the last tile overlaps the one before it.
template <class T, size_t kBlocks>
HWY_INLINE void transpose_band(const T* from, int64_t from_stride, T* to, int64_t to_stride,
                               int64_t columns) {
  constexpr int64_t n = 16 / sizeof(T);
  int64_t j = 0;
  for (; j + n <= columns; j += n)
    transpose_tile<T, kBlocks>(from + j, from_stride, to + j * to_stride, to_stride);
  if (j < columns) {
    j = columns - n;
    transpose_tile<T, kBlocks>(from + j, from_stride, to + j * to_stride, to_stride);
  }
}

template <class T, size_t kBlocks>
void transpose_bands(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t rows,
                     int64_t columns) {
  constexpr int64_t height = 16 / sizeof(T) * kBlocks;
  if (rows < height) {
    if constexpr (kBlocks > 1) {
      transpose_bands<T, kBlocks / 2>(from, from_stride, to, to_stride, rows, columns);
    } else {
      transpose_plain(from, from_stride, to, to_stride, rows, columns);
    }
    return;
  }
  int64_t i = 0;
  for (; i + height <= rows; i += height)
    transpose_band<T, kBlocks>(from + i * from_stride, from_stride, to + i, to_stride, columns);
  if (i < rows) {
    i = rows - height;
    transpose_band<T, kBlocks>(from + i * from_stride, from_stride, to + i, to_stride, columns);
  }
}

#endif

template <class T>
void transpose(const void* from, int64_t from_stride, void* to, int64_t to_stride, int64_t rows,
               int64_t columns) {
  const T* source = static_cast<const T*>(from);
  T* target = static_cast<T*>(to);
#if HWY_TARGET != HWY_SCALAR
  if (columns >= static_cast<int64_t>(16 / sizeof(T))) {
    transpose_bands<T, HWY_MAX_BYTES / 16>(source, from_stride, target, to_stride, rows, columns);
    return;
  }
#endif
  transpose_plain(source, from_stride, target, to_stride, rows, columns);
}

template <class T>
void interleave(const void* from, int64_t stride, void* to, int64_t planes, int64_t count) {
  const T* source = static_cast<const T*>(from);
  T* target = static_cast<T*>(to);
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; j + lanes <= count; j += lanes, source += lanes, target += planes * lanes) {
    const auto a = hn::LoadU(d, source), b = hn::LoadU(d, source + stride);
    if (planes == 2) {
      hn::StoreInterleaved2(a, b, d, target);
    } else if (planes == 3) {
      hn::StoreInterleaved3(a, b, hn::LoadU(d, source + 2 * stride), d, target);
    } else {
      hn::StoreInterleaved4(a, b, hn::LoadU(d, source + 2 * stride),
                            hn::LoadU(d, source + 3 * stride), d, target);
    }
  }
#endif
  for (; j < count; ++j, ++source) {
    for (int64_t i = 0; i < planes; ++i) copy_one(target++, source + i * stride);
  }
}

template <class T>
void deinterleave(const void* from, void* to, int64_t stride, int64_t planes, int64_t count) {
  const T* source = static_cast<const T*>(from);
  T* target = static_cast<T*>(to);
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; j + lanes <= count; j += lanes, source += planes * lanes, target += lanes) {
    hn::Vec<decltype(d)> a, b, c, e;
    if (planes == 2) {
      hn::LoadInterleaved2(d, source, a, b);
    } else if (planes == 3) {
      hn::LoadInterleaved3(d, source, a, b, c);
      hn::StoreU(c, d, target + 2 * stride);
    } else {
      hn::LoadInterleaved4(d, source, a, b, c, e);
      hn::StoreU(c, d, target + 2 * stride);
      hn::StoreU(e, d, target + 3 * stride);
    }
    hn::StoreU(a, d, target);
    hn::StoreU(b, d, target + stride);
  }
#endif
  for (; j < count; ++j, ++target) {
    for (int64_t i = 0; i < planes; ++i) copy_one(target + i * stride, source++);
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

TransposeLoop transpose_loop(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return DRAWBAR_SIMD(transpose<uint8_t>);
    case 2:
      return DRAWBAR_SIMD(transpose<uint16_t>);
    case 4:
      return DRAWBAR_SIMD(transpose<uint32_t>);
    default:
      return DRAWBAR_SIMD(transpose<uint64_t>);
  }
}

InterleaveLoop interleave_loop(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return DRAWBAR_SIMD(interleave<uint8_t>);
    case 2:
      return DRAWBAR_SIMD(interleave<uint16_t>);
    case 4:
      return DRAWBAR_SIMD(interleave<uint32_t>);
    default:
      return DRAWBAR_SIMD(interleave<uint64_t>);
  }
}

DeinterleaveLoop deinterleave_loop(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return DRAWBAR_SIMD(deinterleave<uint8_t>);
    case 2:
      return DRAWBAR_SIMD(deinterleave<uint16_t>);
    case 4:
      return DRAWBAR_SIMD(deinterleave<uint32_t>);
    default:
      return DRAWBAR_SIMD(deinterleave<uint64_t>);
  }
}

}  // namespace drawbar::cpu
#endif
