#pragma once

#include <cstdint>
#include <string>

#include "base/threads.h"
#include "ir/evaluate.h"

namespace drawbar::ops {

// For references that move elements without reading them: types of the same size share the code.

/// An element of 16 bytes.
struct Element128 {
  uint64_t low, high;
};

/// Calls f with a value of the type that holds one element's bits (of at least a byte).
template <class F>
decltype(auto) with_storage_type(ElementType type, F&& f) {
  if (type == ElementType::string) return f(std::string{});
  switch (bits(type)) {
    case 8:
      return f(uint8_t{});
    case 16:
      return f(uint16_t{});
    case 32:
      return f(uint32_t{});
    case 64:
      return f(uint64_t{});
    case 128:
      return f(Element128{});
    default:
      fail(ErrorCode::internal, "elements of {} bits are packed", bits(type));
  }
}

/// x itself, or, where its elements are packed (under a byte), their codes as u8.
Tensor unpacked(const Tensor& x);
/// The inverse: stores codes in y's packed elements.
void pack_codes(const Tensor& codes, Tensor& y);

/// Output i, filled by `fill`, which sees u8 codes where the elements are packed.
void move_into(Evaluation& e, size_t i, ElementType type, Shape shape,
               FunctionRef<void(Tensor& y)> fill);

}  // namespace drawbar::ops
