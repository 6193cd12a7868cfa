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

/// What rounds to a byte of a type.
template <class D>
struct Bounds {
  Bounds(ElementType type, int32_t zero)
      : low(hn::Set(D(), static_cast<float>((type == ElementType::i8 ? -128 : 0) - zero))),
        high(hn::Set(D(), static_cast<float>((type == ElementType::i8 ? 127 : 255) - zero))),
        zero(hn::Set(hn::RebindToSigned<D>(), zero)) {}
  /// v rounded and saturated; not-a-number becomes the lowest.
  HWY_INLINE hn::Vec<hn::RebindToSigned<D>> rounded(Vec<D> v) const {
    return hn::Add(hn::NearestInt(hn::Min(high, hn::Max(v, low))), zero);
  }
  Vec<D> low, high;
  hn::Vec<hn::RebindToSigned<D>> zero;
};
template <class T, class D>
HWY_INLINE void store_from_float(D d, Vec<D> v, const Bounds<D>& bounds, T* to, size_t count) {
  if constexpr (sizeof(T) == 4) {
    store(d, v, to, count);
  } else {
    const hn::Rebind<T, D> dt;
    store(dt, hn::DemoteTo(dt, bounds.rounded(v)), to, count);
  }
}

/// Sums of a tile, and what becomes of them. Other is what they are added to, or void.
template <class To, class Other, bool bounded>
class Finish {
 public:
  using D = hn::ScalableTag<float>;
  using V = Vec<D>;
  static constexpr bool has_sum = !std::is_void_v<Other>;

  Finish(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row, int64_t column,
         void* y, int64_t y_ld)
      : e_(e),
        sums_(sums),
        ld_(ld),
        column_(column),
        y_ld_(y_ld),
        zero_(has_sum ? e.added->zero : e.zero),
        bounds_(e.y_type(), zero_),
        between_(e.to, e.zero) {
    to_ = static_cast<To*>(y) + row * y_ld + column;
    if constexpr (has_sum)
      other_ = static_cast<const Other*>(e.added->other) + row * e.added->other_ld + column;
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
    const auto v =
        hn::MulAdd(hn::ConvertTo(d_, sum(r, j)), hn::LoadU(d_, e_.multiplier + column_ + j),
                   hn::LoadU(d_, e_.addend + column_ + j));
    if constexpr (has_sum) {
      const AddedBytes& s = *e_.added;
      const auto q = hn::ConvertTo(d_, between_.rounded(v));
      const auto other = load_as_float(d_, other_ + r * s.other_ld + j, count);
      const auto addend = hn::Set(d_, s.addend), factor = hn::Set(d_, s.factor),
                 other_factor = hn::Set(d_, s.other_factor);
      return s.other_first ? hn::MulAdd(other, other_factor, hn::MulAdd(q, factor, addend))
                           : hn::MulAdd(q, factor, hn::MulAdd(other, other_factor, addend));
    }
    return v;
  }

#ifdef DRAWBAR_BYTE_VECTORS
  /// Two vectors of each of two rows, rounded and packed together.
  HWY_INLINE void two_rows(int64_t r, int64_t below, int64_t j) const {
    const hn::Repartition<To, D> dt;
    const size_t all = hn::Lanes(d_);
    const auto lanes = static_cast<int64_t>(all);
    const auto bytes =
        to_bytes<To, bounded>(value(r, j, all), value(r, j + lanes, all), value(below, j, all),
                              value(below, j + lanes, all), zero_);
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
  const int32_t zero_;
  const Bounds<D> bounds_, between_;
  To* to_;
  const Other* other_ = nullptr;
};

template <class To, class Other, bool bounded>
void finish(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row, int64_t column,
            int64_t rows, int64_t columns, void* y, int64_t y_ld) {
  Finish<To, Other, bounded>(e, sums, ld, row, column, y, y_ld).tile(rows, columns);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Finish = void (*)(const ByteEpilogue&, const int32_t*, int64_t, int64_t, int64_t, int64_t,
                        int64_t, void*, int64_t);

template <class To, bool bounded>
Finish finish_to_bytes(const ByteEpilogue& e, Isa isa) {
  if (e.added == nullptr) return DRAWBAR_SIMD_FOR(isa, finish<To, void, bounded>);
  if (e.added->other_type == ElementType::u8)
    return DRAWBAR_SIMD_FOR(isa, finish<To, uint8_t, bounded>);
  return DRAWBAR_SIMD_FOR(isa, finish<To, int8_t, bounded>);
}
template <class To>
Finish finish_to_bytes(const ByteEpilogue& e, Isa isa) {
  return e.bounded ? finish_to_bytes<To, true>(e, isa) : finish_to_bytes<To, false>(e, isa);
}

Finish finish_of(const ByteEpilogue& e, Isa isa) {
  if (e.to == ElementType::i32) return DRAWBAR_SIMD_FOR(isa, finish<int32_t, void, false>);
  if (e.to == ElementType::f32) return DRAWBAR_SIMD_FOR(isa, finish<float, void, false>);
  return e.y_type() == ElementType::u8 ? finish_to_bytes<uint8_t>(e, isa)
                                       : finish_to_bytes<int8_t>(e, isa);
}

}  // namespace

void finish_bytes(const ByteEpilogue& e, const int32_t* sums, int64_t ld, int64_t row,
                  int64_t column, int64_t rows, int64_t columns, void* y, int64_t y_ld, Isa isa) {
  finish_of(e, isa)(e, sums, ld, row, column, rows, columns, y, y_ld);
}

}  // namespace drawbar::cpu
#endif
