#include "targets/cpu/gemm/byte_finish.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/gemm/byte_finish.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vec = hn::Vec<D>;

/// A whole vector, or `count` numbers and zeros.
template <class D, class T>
HWY_INLINE Vec<D> load(D d, const T* from, size_t count) {
  if (count == hn::Lanes(d)) return hn::LoadU(d, from);
  T numbers[hn::MaxLanes(d)] = {};
  std::memcpy(numbers, from, count * sizeof(T));
  return hn::LoadU(d, numbers);
}
template <class D, class T>
HWY_INLINE void store(D d, Vec<D> v, T* to, size_t count) {
  if (count == hn::Lanes(d)) return hn::StoreU(v, d, to);
  T numbers[hn::MaxLanes(d)];
  hn::StoreU(v, d, numbers);
  std::memcpy(to, numbers, count * sizeof(T));
}

template <class T, class D>
HWY_INLINE Vec<D> load_as_float(D d, const T* from, size_t count) {
  if constexpr (sizeof(T) == 4) {
    return load(d, from, count);
  } else {
    const auto bytes = load(hn::Rebind<T, D>(), from, count);
    return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), bytes));
  }
}

template <class T, class D>
HWY_INLINE void store_from_float(D d, Vec<D> v, T* to, size_t count) {
  if constexpr (sizeof(T) == 4) {
    store(d, v, to, count);
  } else {
    const hn::Rebind<T, D> dt;
    store(dt, hn::DemoteTo(dt, hn::NearestInt(v)), to, count);
  }
}

/// Calls body(j, lanes to use) for the vectors of a line.
template <class D, class Body>
HWY_INLINE void for_vectors(D d, int64_t columns, const Body& body) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < columns; j += lanes)
    body(j, static_cast<size_t>(std::min(lanes, columns - j)));
}

template <class To, class Residual, bool has_residual>
void finish(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row, int64_t column,
            int64_t rows, int64_t columns, void* y, int64_t y_ld) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  // The second operand of Max and Min where one is NaN.
  const auto low = hn::Set(d, e.low), high = hn::Set(d, e.high);
  const auto factor = hn::Set(d, e.residual_multiplier);
  To* to = static_cast<To*>(y) + row * y_ld + column;
  const auto* residual = static_cast<const Residual*>(e.residual);
  if constexpr (has_residual) residual += row * e.residual_ld + column;
  for_vectors(d, columns, [&](int64_t j, size_t count) HWY_ATTR {
    const auto multiplier = hn::LoadU(d, e.multiplier + column + j);
    const auto addend = hn::LoadU(d, e.addend + column + j);
    const auto offset = hn::LoadU(di, e.offset + column + j);
    for (int64_t r = 0; r < rows; ++r) {
      const auto sum = hn::Add(hn::LoadU(di, sums + r * ld + j), offset);
      auto v = hn::MulAdd(hn::ConvertTo(d, sum), multiplier, addend);
      if constexpr (has_residual) {
        v = hn::MulAdd(load_as_float(d, residual + r * e.residual_ld + j, count), factor, v);
      }
      v = hn::Min(high, hn::Max(low, v));
      store_from_float(d, v, to + r * y_ld + j, count);
    }
  });
}

/// v of a tile, then what the hook makes of it.
template <class Residual, bool has_residual>
void finish_hooked(const ByteEpilogue& e, const int32_t* sums, float* values, int64_t ld,
                   int64_t row, int64_t column, int64_t rows, int64_t columns) {
  ByteEpilogue plain = e;
  plain.low = -std::numeric_limits<float>::infinity();
  plain.high = std::numeric_limits<float>::infinity();
  finish<float, Residual, has_residual>(plain, sums, ld, row, column, rows, columns,
                                        values - row * ld - column, ld);
  (*e.hook)(values, ld, row, column, rows, columns);
}

template <class To>
void quantize_tile(const ByteEpilogue& e, const float* values, int64_t ld, int64_t rows,
                   int64_t columns, To* to, int64_t y_ld) {
  const hn::ScalableTag<float> d;
  const auto low = hn::Set(d, e.low), high = hn::Set(d, e.high);
  const auto scale = hn::Set(d, e.scale), zero = hn::Set(d, e.zero);
  for (int64_t r = 0; r < rows; ++r) {
    for_vectors(d, columns, [&](int64_t j, size_t count) HWY_ATTR {
      const auto v = hn::MulAdd(hn::LoadU(d, values + r * ld + j), scale, zero);
      store_from_float(d, hn::Min(high, hn::Max(low, v)), to + r * y_ld + j, count);
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Finish = void (*)(const ByteEpilogue&, const int32_t*, int64_t, int64_t, int64_t, int64_t,
                        int64_t, void*, int64_t);
using FinishHooked = void (*)(const ByteEpilogue&, const int32_t*, float*, int64_t, int64_t,
                              int64_t, int64_t, int64_t);

template <class To>
Finish finish_of(const ByteEpilogue& e, Isa isa) {
  if (e.residual == nullptr) return DRAWBAR_SIMD_FOR(isa, finish<To, float, false>);
  if (e.residual_type == ElementType::u8) return DRAWBAR_SIMD_FOR(isa, finish<To, uint8_t, true>);
  if (e.residual_type == ElementType::i8) return DRAWBAR_SIMD_FOR(isa, finish<To, int8_t, true>);
  return DRAWBAR_SIMD_FOR(isa, finish<To, float, true>);
}

FinishHooked finish_hooked_of(const ByteEpilogue& e, Isa isa) {
  if (e.residual == nullptr) return DRAWBAR_SIMD_FOR(isa, finish_hooked<float, false>);
  if (e.residual_type == ElementType::u8)
    return DRAWBAR_SIMD_FOR(isa, finish_hooked<uint8_t, true>);
  if (e.residual_type == ElementType::i8) return DRAWBAR_SIMD_FOR(isa, finish_hooked<int8_t, true>);
  return DRAWBAR_SIMD_FOR(isa, finish_hooked<float, true>);
}

/// Calls body(T{}) with the type of y.
template <class Body>
void with_type(ElementType to, const Body& body) {
  if (to == ElementType::u8) return body(uint8_t{});
  if (to == ElementType::i8) return body(int8_t{});
  body(float{});
}

}  // namespace

void finish_bytes(const ByteEpilogue& e, const int32_t* sums, float* values, int64_t ld,
                  int64_t row, int64_t column, int64_t rows, int64_t columns, void* y, int64_t y_ld,
                  Isa isa) {
  if (e.hook != nullptr) finish_hooked_of(e, isa)(e, sums, values, ld, row, column, rows, columns);
  with_type(e.to, [&](auto type) {
    using To = decltype(type);
    if (e.hook == nullptr)
      return finish_of<To>(e, isa)(e, sums, ld, row, column, rows, columns, y, y_ld);
    const auto quantize = DRAWBAR_SIMD_FOR(isa, quantize_tile<To>);
    quantize(e, values, ld, rows, columns, static_cast<To*>(y) + row * y_ld + column, y_ld);
  });
}

}  // namespace drawbar::cpu
#endif
