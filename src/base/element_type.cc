#include "drawbar/element_type.h"

#include <string>

#include "base/checked.h"

namespace drawbar {
namespace {

struct Row {
  std::string_view name;
  ElementKind kind;
  int bits;
};

using enum ElementKind;
constexpr Row rows[element_type_count] = {
    {"f32", floating, 32},         {"f64", floating, 64},
    {"f16", floating, 16},         {"bf16", floating, 16},
    {"i8", signed_integer, 8},     {"i16", signed_integer, 16},
    {"i32", signed_integer, 32},   {"i64", signed_integer, 64},
    {"u8", unsigned_integer, 8},   {"u16", unsigned_integer, 16},
    {"u32", unsigned_integer, 32}, {"u64", unsigned_integer, 64},
    {"bool", boolean, 8},          {"string", string, 8 * static_cast<int>(sizeof(std::string))},
    {"c64", complex, 64},          {"c128", complex, 128},
    {"f8e4m3fn", floating, 8},     {"f8e4m3fnuz", floating, 8},
    {"f8e5m2", floating, 8},       {"f8e5m2fnuz", floating, 8},
    {"f8e8m0", floating, 8},       {"f4e2m1", floating, 4},
    {"i4", signed_integer, 4},     {"u4", unsigned_integer, 4},
    {"i2", signed_integer, 2},     {"u2", unsigned_integer, 2},
};

const Row& row(ElementType type) { return rows[static_cast<int>(type)]; }

}  // namespace

std::string_view name(ElementType type) { return row(type).name; }
ElementKind kind(ElementType type) { return row(type).kind; }
int bits(ElementType type) { return row(type).bits; }

std::optional<ElementType> element_type_named(std::string_view text) {
  for (int i = 0; i < element_type_count; ++i) {
    if (rows[i].name == text) return static_cast<ElementType>(i);
  }
  return std::nullopt;
}

int64_t storage_bytes(ElementType type, int64_t count) {
  return checked_add(checked_mul(count, bits(type)), 7) / 8;
}

}  // namespace drawbar
