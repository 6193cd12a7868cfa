#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/small_float.h"
#include "ops/quantize/op.h"

namespace drawbar::ops {
namespace {

float rounded_to(ElementType precision, float value) {
  switch (precision) {
    case ElementType::f16:
      return Float16(value);
    case ElementType::bf16:
      return BFloat16(value);
    default:
      return value;
  }
}

/// body(index of x, index of the scale) for every element.
template <class F>
void for_each_scaled(const ScaleMap& map, Evaluation& e, F&& body) {
  int64_t x = 0;
  for (int64_t o = 0; o < map.outer; ++o) {
    for (int64_t a = 0; a < map.axis; ++a) {
      if ((x & 0xfff) == 0) e.checkpoint();
      for (int64_t i = 0; i < map.inner; ++i) body(x++, map.index(o, a, i));
    }
  }
}

/// round(value) + zero within the type's range; not-a-number gives the lowest.
int32_t quantized(float value, int32_t zero, std::pair<int32_t, int32_t> range) {
  const double moved = std::nearbyint(static_cast<double>(value)) + zero;
  if (!(moved > range.first)) return range.first;
  if (moved > range.second) return range.second;
  return static_cast<int32_t>(moved);
}

}  // namespace

void reference(const QuantizeLinear& op, Evaluation& e) {
  const Tensor &x = e.input(0), &scale = e.input(1);
  const Tensor* zero = e.has(2) ? &e.input(2) : nullptr;
  const ScaleMap map = scale_map(x.shape(), scale.shape(), op.axis, op.block_size);
  Tensor& y = e.output(0, op.to, x.shape());
  if (y.size() == 0) return;
  const bool to_float = is_floating(op.to);
  if (bits(op.to) < 8) std::memset(y.raw(), 0, static_cast<size_t>(y.bytes()));
  const auto range = to_float ? std::pair(0, 0) : integer_range(op.to);
  for_each_scaled(map, e, [&](int64_t i, int64_t s) {
    const float quotient =
        static_cast<float>(read_number(x, i)) / static_cast<float>(read_number(scale, s));
    const float value = rounded_to(op.precision, quotient);
    if (!to_float) {
      const auto offset = zero ? static_cast<int32_t>(read_integer(*zero, s)) : 0;
      write_integer(y, i, quantized(value, offset, range));
    } else if (bits(op.to) == 8) {
      static_cast<uint8_t*>(y.raw())[i] =
          static_cast<uint8_t>(encode_small_float(op.to, value, op.saturate));
    } else {
      write_number(y, i, value);
    }
  });
}

void reference(const DequantizeLinear& op, Evaluation& e) {
  const Tensor &x = e.input(0), &scale = e.input(1);
  const Tensor* zero = e.has(2) ? &e.input(2) : nullptr;
  const ScaleMap map = scale_map(x.shape(), scale.shape(), op.axis, op.block_size);
  Tensor& y = e.output(0, op.to, x.shape());
  for_each_scaled(map, e, [&](int64_t i, int64_t s) {
    const double offset = zero ? read_number(*zero, s) : 0;
    const auto value = static_cast<float>(read_number(x, i) - offset);
    write_number(y, i, value * static_cast<float>(read_number(scale, s)));
  });
}

void reference(const DynamicQuantizeLinear&, Evaluation& e) {
  const Tensor& x = e.input(0);
  const auto values = x.values<float>();
  float low = 0, high = 0;
  for (float value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const DynamicRange range = dynamic_range(low, high);
  uint8_t* y = e.output(0, ElementType::u8, x.shape()).data<uint8_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    y[i] = static_cast<uint8_t>(quantized(values[i] / range.scale, range.zero_point, {0, 255}));
  }
  e.output(1, ElementType::f32, {}).data<float>()[0] = range.scale;
  e.output(2, ElementType::u8, {}).data<uint8_t>()[0] = range.zero_point;
}

}  // namespace drawbar::ops
