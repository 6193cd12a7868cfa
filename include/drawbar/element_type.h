#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace drawbar {

/// Element types of tensors. Types under eight bits are packed, the first element in the low bits.
enum class ElementType : uint8_t {
  f32,
  f64,
  f16,
  bf16,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  boolean,
  string,
  c64,
  c128,
  f8e4m3fn,
  f8e4m3fnuz,
  f8e5m2,
  f8e5m2fnuz,
  f8e8m0,
  f4e2m1,
  i4,
  u4,
  i2,
  u2,
};
inline constexpr int element_type_count = 26;

enum class ElementKind : uint8_t {
  floating,
  signed_integer,
  unsigned_integer,
  boolean,
  string,
  complex
};

std::string_view name(ElementType type);                          // "f32", "i64", "bool", …
std::optional<ElementType> element_type_named(std::string_view);  // the inverse of name
ElementKind kind(ElementType type);
int bits(ElementType type);  // of one element; a string's is that of its handle

inline bool is_integer(ElementType type) {
  return kind(type) == ElementKind::signed_integer || kind(type) == ElementKind::unsigned_integer;
}
inline bool is_floating(ElementType type) { return kind(type) == ElementKind::floating; }
/// f16 or bf16.
inline bool is_half(ElementType type) {
  return type == ElementType::f16 || type == ElementType::bf16;
}

/// Bytes that `count` elements take in memory; throws INVALID_MODEL when that overflows.
int64_t storage_bytes(ElementType type, int64_t count);

/// IEEE 754 binary16 and bfloat16 as storage types: conversions round to nearest even, arithmetic
/// is float's.
inline float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

inline uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);   // not a number
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds past 65504
  if (magnitude < 0x38800000) {  // subnormal or zero: the sum rounds the bits that fall off
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

inline float bfloat_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline uint16_t float_to_bfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

struct Float16 {
  uint16_t bits = 0;
  Float16() = default;
  Float16(float value) : bits(float_to_half(value)) {}  // NOLINT: a number like any other
  operator float() const { return half_to_float(bits); }
};

struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  BFloat16(float value) : bits(float_to_bfloat(value)) {}  // NOLINT: a number like any other
  operator float() const { return bfloat_to_float(bits); }
};

}  // namespace drawbar
