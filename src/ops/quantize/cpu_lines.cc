#include "ops/quantize/cpu_lines.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "targets/cpu/f8.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/quantize/cpu_lines.cc"
#include "targets/cpu/byte_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace quantizing {

using Tag = hn::ScalableTag<float>;
using IntTag = hn::Rebind<int32_t, Tag>;
constexpr size_t most_lanes = hn::MaxLanes(Tag());

template <class T>
HWY_INLINE hn::Vec<IntTag> load_integers(const T* from) {
  if constexpr (sizeof(T) == 4) {
    return hn::LoadU(IntTag(), from);
  } else {
    return hn::PromoteTo(IntTag(), hn::LoadU(hn::Rebind<T, Tag>(), from));
  }
}

/// Scale and zero point of one vector.
struct Parameters {
  hn::Vec<Tag> scale;
  hn::Vec<IntTag> zero;
};

template <class T>
HWY_INLINE Parameters load_parameters(const float* scale, const T* zero, int64_t at) {
  return {hn::LoadU(Tag(), scale + at), zero ? load_integers(zero + at) : hn::Zero(IntTag())};
}

/// Limited before it becomes an integer, so that nothing overflows; not-a-number is the lowest.
template <class T>
HWY_INLINE void quantize_vector(hn::Vec<Tag> x, const Parameters& p, T* to) {
  const Tag d;
  constexpr auto low = static_cast<float>(std::numeric_limits<T>::min());
  constexpr auto high = static_cast<float>(std::numeric_limits<T>::max());
  const auto zero = hn::ConvertTo(d, p.zero);
  const auto least = hn::Sub(hn::Set(d, low), zero), most = hn::Sub(hn::Set(d, high), zero);
  auto q = hn::Div(x, p.scale);
  q = hn::IfThenElse(hn::Gt(q, least), q, least);
  q = hn::IfThenElse(hn::Lt(q, most), q, most);
  const auto whole = hn::Add(hn::NearestInt(q), p.zero);
  hn::StoreU(hn::DemoteTo(hn::Rebind<T, Tag>(), whole), hn::Rebind<T, Tag>(), to);
}

#ifdef DRAWBAR_BYTE_VECTORS
/// Quotients by one divisor, rounded as division rounds them: an approximation refined twice
/// (Markstein, "Computation of elementary functions on the IBM RISC System/6000", 1990), which
/// takes a third of a division's time. Limited to what bytes need, and so that nothing overflows.
class Quotients {
 public:
  static bool are_exact(float divisor) { return divisor > 0x1p-100f && divisor < 0x1p100f; }

  explicit Quotients(float divisor)
      : divisor_(hn::Set(Tag(), divisor)),
        reciprocal_(hn::Set(Tag(), 1 / divisor)),
        most_(hn::Set(Tag(), 0x1p20f * divisor)) {}

  /// Of not-a-number the lowest.
  HWY_INLINE hn::Vec<Tag> operator()(hn::Vec<Tag> x) const {
    x = hn::Min(most_, hn::Max(x, hn::Neg(most_)));
    auto q = hn::Mul(x, reciprocal_);
    q = hn::MulAdd(hn::NegMulAdd(q, divisor_, x), reciprocal_, q);
    return hn::MulAdd(hn::NegMulAdd(q, divisor_, x), reciprocal_, q);
  }

 private:
  hn::Vec<Tag> divisor_, reciprocal_, most_;
};

/// As many as are whole vectors of bytes; returns their number.
template <class T>
int64_t quantize_whole(const float* x, float scale, int32_t zero, T* y, int64_t n) {
  if (!Quotients::are_exact(scale)) return 0;
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Quotients quotient(scale);
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto at = [&](int64_t vector)
                        HWY_ATTR { return quotient(hn::LoadU(d, x + i + vector * lanes)); };
    const auto bytes = to_bytes<T, true>(at(0), at(1), at(2), at(3), zero);
    hn::StoreU(bytes, hn::Repartition<T, Tag>(), y + i);
  }
  return i;
}
#endif

template <class T>
void quantize(const float* x, const float* scale, const void* zeros, void* to, int64_t n,
              bool per_element) {
  const Tag d;
  const T* zero = static_cast<const T*>(zeros);
  T* y = static_cast<T*>(to);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Parameters all{hn::Set(d, *scale),
                       hn::Set(IntTag(), zero ? static_cast<int32_t>(*zero) : 0)};
  int64_t i = 0;
  if (per_element) {
    for (; i + lanes <= n; i += lanes)
      quantize_vector(hn::LoadU(d, x + i), load_parameters(scale, zero, i), y + i);
  } else {
#ifdef DRAWBAR_BYTE_VECTORS
    i = quantize_whole(x, *scale, zero ? static_cast<int32_t>(*zero) : 0, y, n);
#endif
    for (; i + lanes <= n; i += lanes) quantize_vector(hn::LoadU(d, x + i), all, y + i);
  }
  if (i == n) return;
  float last_x[most_lanes] = {}, last_scale[most_lanes] = {};
  T last_zero[most_lanes] = {}, last_y[most_lanes];
  const size_t rest = std::min(static_cast<size_t>(n - i), most_lanes);
  std::copy_n(x + i, rest, last_x);
  if (per_element) {
    std::copy_n(scale + i, rest, last_scale);
    if (zero) std::copy_n(zero + i, rest, last_zero);
  }
  quantize_vector(hn::LoadU(d, last_x),
                  per_element ? load_parameters(last_scale, last_zero, 0) : all, last_y);
  std::copy_n(last_y, rest, y + i);
}

template <class T>
HWY_INLINE hn::Vec<Tag> dequantize_vector(const T* x, const Parameters& p) {
  return hn::Mul(hn::ConvertTo(Tag(), hn::Sub(load_integers(x), p.zero)), p.scale);
}

template <class T>
void dequantize(const void* from, const float* scale, const void* zeros, float* y, int64_t n,
                bool per_element) {
  const Tag d;
  const T *x = static_cast<const T*>(from), *zero = static_cast<const T*>(zeros);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Parameters all{hn::Set(d, *scale),
                       hn::Set(IntTag(), zero ? static_cast<int32_t>(*zero) : 0)};
  int64_t i = 0;
  if (per_element) {
    for (; i + lanes <= n; i += lanes)
      hn::StoreU(dequantize_vector(x + i, load_parameters(scale, zero, i)), d, y + i);
  } else {
    for (; i + lanes <= n; i += lanes) hn::StoreU(dequantize_vector(x + i, all), d, y + i);
  }
  if (i == n) return;
  T last_x[most_lanes] = {}, last_zero[most_lanes] = {};
  float last_scale[most_lanes] = {}, last_y[most_lanes];
  const size_t rest = std::min(static_cast<size_t>(n - i), most_lanes);
  std::copy_n(x + i, rest, last_x);
  if (per_element) {
    std::copy_n(scale + i, rest, last_scale);
    if (zero) std::copy_n(zero + i, rest, last_zero);
  }
  hn::StoreU(
      dequantize_vector(last_x, per_element ? load_parameters(last_scale, last_zero, 0) : all), d,
      last_y);
  std::copy_n(last_y, rest, y + i);
}

/// The codes of quotients, rounded to nearest even, the largest number for all beyond it.
HWY_INLINE void quantize_f8_vector(hn::Vec<Tag> x, hn::Vec<Tag> scale, uint8_t* to) {
  const IntTag d;
  const auto number = [&](float value) HWY_ATTR { return hn::BitCast(d, hn::Set(Tag(), value)); };
  const auto bits = hn::BitCast(d, hn::Div(x, scale));
  const auto sign = hn::And(hn::ShiftRight<24>(bits), hn::Set(d, 0x80));
  const auto magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  const auto limited = hn::Min(magnitude, number(448.0f));
  // Where 2^14 has its last bit, the smallest numbers have theirs.
  const auto shifted = hn::Add(hn::BitCast(Tag(), limited), hn::Set(Tag(), 0x1p14f));
  const auto subnormal = hn::Sub(hn::BitCast(d, shifted), number(0x1p14f));
  const auto even = hn::And(hn::ShiftRight<20>(limited), hn::Set(d, 1));
  const auto rounded = hn::Add(hn::Add(limited, hn::Set(d, 0x7ffff)), even);
  const auto normal = hn::Sub(hn::ShiftRight<20>(rounded), hn::Set(d, (127 - 7) << 3));
  auto code = hn::IfThenElse(hn::Lt(limited, number(0x1p-6f)), subnormal, normal);
  code = hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x7f800000)), hn::Set(d, 0x7f), code);
  const hn::Rebind<uint8_t, Tag> bytes;
  hn::StoreU(hn::DemoteTo(bytes, hn::Or(code, sign)), bytes, to);
}

void quantize_f8(const float* x, const float* scale, const void*, void* to, int64_t n,
                 bool per_element) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto scale_at = [&](int64_t i) HWY_ATTR {
    return per_element ? hn::LoadU(d, scale + i) : hn::Set(d, *scale);
  };
  auto* y = static_cast<uint8_t*>(to);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) quantize_f8_vector(hn::LoadU(d, x + i), scale_at(i), y + i);
  if (i == n) return;
  float last_x[most_lanes] = {}, last_scale[most_lanes] = {};
  uint8_t last_y[most_lanes];
  const size_t rest = std::min(static_cast<size_t>(n - i), most_lanes);
  std::copy_n(x + i, rest, last_x);
  for (size_t k = 0; k < rest; ++k)
    last_scale[k] = per_element ? scale[i + static_cast<int64_t>(k)] : *scale;
  quantize_f8_vector(hn::LoadU(d, last_x), hn::LoadU(d, last_scale), last_y);
  std::copy_n(last_y, rest, y + i);
}

void dequantize_f8(const void* from, const float* scale, const void*, float* y, int64_t n,
                   bool per_element) {
  const auto* x = static_cast<const uint8_t*>(from);
  const float* numbers = f8_numbers();
  for (int64_t i = 0; i < n; ++i) y[i] = numbers[x[i]] * scale[per_element ? i : 0];
}

void range(const float* x, int64_t n, float* low, float* high) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto least = hn::Zero(d), most = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    least = hn::IfThenElse(hn::Lt(v, least), v, least);
    most = hn::IfThenElse(hn::Gt(v, most), v, most);
  }
  *low = hn::GetLane(hn::MinOfLanes(d, least));
  *high = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) {
    *low = x[i] < *low ? x[i] : *low;
    *high = x[i] > *high ? x[i] : *high;
  }
}

QuantizeLine find_quantize(ElementType to) {
  return to == ElementType::u8         ? quantize<uint8_t>
         : to == ElementType::i8       ? quantize<int8_t>
         : to == ElementType::f8e4m3fn ? quantize_f8
                                       : nullptr;
}

DequantizeLine find_dequantize(ElementType from) {
  return from == ElementType::u8         ? dequantize<uint8_t>
         : from == ElementType::i8       ? dequantize<int8_t>
         : from == ElementType::i32      ? dequantize<int32_t>
         : from == ElementType::f8e4m3fn ? dequantize_f8
                                         : nullptr;
}

}  // namespace quantizing
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

QuantizeLine quantize_line(ElementType to) { return DRAWBAR_SIMD(quantizing::find_quantize)(to); }
DequantizeLine dequantize_line(ElementType from) {
  return DRAWBAR_SIMD(quantizing::find_dequantize)(from);
}
void range_of(const float* x, int64_t n, float& low, float& high) {
  DRAWBAR_SIMD(quantizing::range)(x, n, &low, &high);
}

}  // namespace drawbar::cpu
#endif
