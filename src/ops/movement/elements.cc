#include "ops/movement/elements.h"

#include <cstring>

namespace drawbar::ops {

Tensor unpacked(const Tensor& x) {
  const int width = bits(x.type());
  if (width >= 8) return x;
  Tensor codes = Tensor::allocate(ElementType::u8, x.shape());
  const auto* packed = static_cast<const uint8_t*>(x.raw());
  const int per_byte = 8 / width;
  const int mask = (1 << width) - 1;
  uint8_t* to = codes.data<uint8_t>();
  for (int64_t i = 0; i < x.size(); ++i) {
    to[i] = static_cast<uint8_t>((packed[i / per_byte] >> (i % per_byte * width)) & mask);
  }
  return codes;
}

void pack_codes(const Tensor& codes, Tensor& y) {
  const int width = bits(y.type());
  const int per_byte = 8 / width;
  auto* packed = static_cast<uint8_t*>(y.raw());
  std::memset(packed, 0, static_cast<size_t>(y.bytes()));
  const uint8_t* from = codes.data<uint8_t>();
  for (int64_t i = 0; i < y.size(); ++i) {
    const int code = from[i] << (i % per_byte * width);
    packed[i / per_byte] = static_cast<uint8_t>(packed[i / per_byte] | code);
  }
}

void move_into(Evaluation& e, size_t i, ElementType type, Shape shape,
               FunctionRef<void(Tensor& y)> fill) {
  Tensor& y = e.output(i, type, shape);
  if (bits(type) >= 8) return fill(y);
  Tensor codes = Tensor::allocate(ElementType::u8, std::move(shape));
  fill(codes);
  pack_codes(codes, y);
}

}  // namespace drawbar::ops
