#pragma once

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

/// Bytes that `count` elements take in memory; throws INVALID_MODEL when that overflows.
int64_t storage_bytes(ElementType type, int64_t count);

}  // namespace drawbar
