#pragma once

#include "base/error.h"
#include "drawbar/tensor.h"

namespace drawbar {

/// A tensor of elements as they lie in a file, little-endian: storage_bytes(type, …) of them. Of
/// booleans any byte but 0 is true.
Tensor copy_bytes(ElementType type, Shape shape, const void* bytes);

/// Calls f with a value of the C++ type that stands for `type` (not for types without one).
template <class F>
decltype(auto) with_element_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::f32:
      return f(float{});
    case ElementType::f64:
      return f(double{});
    case ElementType::f16:
      return f(Float16{});
    case ElementType::bf16:
      return f(BFloat16{});
    case ElementType::i8:
      return f(int8_t{});
    case ElementType::i16:
      return f(int16_t{});
    case ElementType::i32:
      return f(int32_t{});
    case ElementType::i64:
      return f(int64_t{});
    case ElementType::u8:
      return f(uint8_t{});
    case ElementType::u16:
      return f(uint16_t{});
    case ElementType::u32:
      return f(uint32_t{});
    case ElementType::u64:
      return f(uint64_t{});
    case ElementType::boolean:
      return f(bool{});
    default:
      fail(ErrorCode::unsupported, "element type {} is not supported here", name(type));
  }
}

}  // namespace drawbar
