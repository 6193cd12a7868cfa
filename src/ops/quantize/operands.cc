#include "ops/quantize/operands.h"

#include <algorithm>

#include "base/error.h"

namespace drawbar::ops {

void check_byte(const Infer& context, size_t i, std::string_view what) {
  const ElementType element = context.element(i);
  if (element != ElementType::u8 && element != ElementType::i8) {
    fail(ErrorCode::invalid_model, "{} is {}, expected u8 or i8", what, name(element));
  }
}

void check_type(const Infer& context, size_t i, ElementType element, std::string_view what) {
  if (context.has(i) && context.element(i) != element) {
    fail(ErrorCode::invalid_model, "{} is {}, expected {}", what, name(context.element(i)),
         name(element));
  }
}

void check_bias(const Infer& context, size_t i, bool to_f32, std::string_view what) {
  if (to_f32 && context.has(i) && context.element(i) == ElementType::f32) return;
  check_type(context, i, ElementType::i32, what);
}

LinearBias::LinearBias(Evaluation& e, size_t i) {
  if (!e.has(i)) return;
  if (e.input(i).type() == ElementType::f32) {
    addend_ = e.input(i).data<float>();
  } else {
    steps_ = e.input(i).data<int32_t>();
  }
}

int64_t saturated(float value, ElementType to) {
  const float low = to == ElementType::i8 ? -128 : 0, high = low + 255;
  return static_cast<int64_t>(value > low ? std::min(value, high) : low);
}

}  // namespace drawbar::ops
