#include "targets/cpu/gemm/byte_finish.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/gemm/byte_finish.cc"
#include "targets/cpu/byte_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vec = hn::Vec<D>;

/// A whole vector, or `count` numbers and zeros.
template <class D, class T>
HWY_INLINE Vec<D> load(D d, const T* from, size_t count) {
  if (hn::MaxLanes(d) == 1 || count == hn::Lanes(d)) return hn::LoadU(d, from);
  T numbers[hn::MaxLanes(d)] = {};
  std::memcpy(numbers, from, count * sizeof(T));
  return hn::LoadU(d, numbers);
}
template <class D, class T>
HWY_INLINE void store(D d, Vec<D> v, T* to, size_t count) {
  if (hn::MaxLanes(d) == 1 || count == hn::Lanes(d)) return hn::StoreU(v, d, to);
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

/// v as y has it: for bytes rounded, with the zero point and within bounds.
template <class D>
struct Bounds {
  explicit Bounds(const ByteEpilogue& e)
      : low(hn::Set(D(), static_cast<float>(e.low - e.zero))),
        high(hn::Set(D(), static_cast<float>(e.high - e.zero))),
        zero(hn::Set(hn::RebindToSigned<D>(), e.zero)) {}
  Vec<D> low, high;
  hn::Vec<hn::RebindToSigned<D>> zero;
};
template <class T, class D>
HWY_INLINE void store_from_float(D d, Vec<D> v, const Bounds<D>& bounds, T* to, size_t count) {
  if constexpr (sizeof(T) == 4) {
    store(d, v, to, count);
  } else {
    const hn::Rebind<T, D> dt;
    v = hn::Min(bounds.high, hn::Max(v, bounds.low));  // not-a-number: the lowest
    store(dt, hn::DemoteTo(dt, hn::Add(hn::NearestInt(v), bounds.zero)), to, count);
  }
}

/// Calls body(j, lanes to use) for the vectors of a line.
template <class D, class Body>
HWY_INLINE void for_vectors(D d, int64_t columns, const Body& body) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < columns; j += lanes)
    body(j, static_cast<size_t>(std::min(lanes, columns - j)));
}

/// Sums of a tile, and what becomes of them.
template <class To, class Residual, bool has_residual>
class Finish {
 public:
  using D = hn::ScalableTag<float>;
  using V = Vec<D>;

  Finish(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row, int64_t column,
         void* y, int64_t y_ld)
      : e_(e), sums_(sums), ld_(ld), column_(column), y_ld_(y_ld), bounds_(e) {
    to_ = static_cast<To*>(y) + row * y_ld + column;
    residual_ = static_cast<const Residual*>(e.residual);
    if constexpr (has_residual) residual_ += row * e.residual_ld + column;
  }

  HWY_INLINE void tile(int64_t rows, int64_t columns) {
    const auto lanes = static_cast<int64_t>(hn::Lanes(d_));
    int64_t j = 0;
#ifdef DRAWBAR_BYTE_VECTORS
    if constexpr (sizeof(To) == 1) {
      for (; j + 2 * lanes <= columns; j += 2 * lanes) {
        for (int64_t r = 0; r < rows; r += 2) two_rows(r, r + 1 < rows ? r + 1 : r, j);
      }
    }
#endif
    for (; j < columns; j += lanes) {
      const auto count = static_cast<size_t>(std::min(lanes, columns - j));
      for (int64_t r = 0; r < rows; ++r) {
        if constexpr (std::is_same_v<To, int32_t>) {
          store(di_, sum(r, j), to_ + r * y_ld_ + j, count);
        } else {
          store_from_float(d_, value(r, j, count), bounds_, to_ + r * y_ld_ + j, count);
        }
      }
    }
  }

 private:
  HWY_INLINE hn::Vec<hn::RebindToSigned<D>> sum(int64_t r, int64_t j) const {
    return hn::Add(hn::LoadU(di_, sums_ + r * ld_ + j), hn::LoadU(di_, e_.offset + column_ + j));
  }

  HWY_INLINE V value(int64_t r, int64_t j, size_t count) const {
    auto v = hn::MulAdd(hn::ConvertTo(d_, sum(r, j)), hn::LoadU(d_, e_.multiplier + column_ + j),
                        hn::LoadU(d_, e_.addend + column_ + j));
    if constexpr (has_residual) {
      v = hn::MulAdd(load_as_float(d_, residual_ + r * e_.residual_ld + j, count),
                     hn::Set(d_, e_.residual_multiplier), v);
    }
    return v;
  }

#ifdef DRAWBAR_BYTE_VECTORS
  /// Two vectors of each of two rows, rounded and packed together.
  HWY_INLINE void two_rows(int64_t r, int64_t below, int64_t j) const {
    const hn::Repartition<To, D> dt;
    const size_t all = hn::Lanes(d_);
    const auto lanes = static_cast<int64_t>(all);
    auto bytes = to_bytes<To>(value(r, j, all), value(r, j + lanes, all), value(below, j, all),
                              value(below, j + lanes, all), e_.zero);
    bytes = hn::Min(hn::Max(bytes, hn::Set(dt, static_cast<To>(e_.low))),
                    hn::Set(dt, static_cast<To>(e_.high)));
    const hn::Half<decltype(dt)> half;
    hn::StoreU(hn::LowerHalf(half, bytes), half, to_ + r * y_ld_ + j);
    hn::StoreU(hn::UpperHalf(half, bytes), half, to_ + below * y_ld_ + j);
  }
#endif

  const D d_;
  const hn::RebindToSigned<D> di_;
  const ByteEpilogue& e_;
  const int32_t* sums_;
  const int64_t ld_, column_, y_ld_;
  const Bounds<D> bounds_;
  To* to_;
  const Residual* residual_;
};

template <class To, class Residual, bool has_residual>
void finish(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row, int64_t column,
            int64_t rows, int64_t columns, void* y, int64_t y_ld) {
  Finish<To, Residual, has_residual>(e, sums, ld, row, column, y, y_ld).tile(rows, columns);
}

/// v of a tile, then what the hook makes of it.
template <class Residual, bool has_residual>
void finish_hooked(const ByteEpilogue& e, const int32_t* sums, float* values, int64_t ld,
                   int64_t row, int64_t column, int64_t rows, int64_t columns) {
  finish<float, Residual, has_residual>(e, sums, ld, row, column, rows, columns,
                                        values - row * ld - column, ld);
  (*e.hook)(values, ld, row, column, rows, columns);
}

template <class To>
void quantize_tile(const ByteEpilogue& e, const float* values, int64_t ld, int64_t rows,
                   int64_t columns, To* to, int64_t y_ld) {
  const hn::ScalableTag<float> d;
  const Bounds<hn::ScalableTag<float>> bounds(e);
  const auto scale = hn::Set(d, e.scale);
  for (int64_t r = 0; r < rows; ++r) {
    for_vectors(d, columns, [&](int64_t j, size_t count) HWY_ATTR {
      const auto v = hn::Mul(hn::LoadU(d, values + r * ld + j), scale);
      store_from_float(d, v, bounds, to + r * y_ld + j, count);
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
  if (e.to == ElementType::i32) {
    const auto store_sums = DRAWBAR_SIMD_FOR(isa, finish<int32_t, float, false>);
    return store_sums(e, sums, ld, row, column, rows, columns, y, y_ld);
  }
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
