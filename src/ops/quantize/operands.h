#pragma once

#include <string_view>

#include "ir/evaluate.h"
#include "ir/infer.h"

namespace drawbar::ops {

// What operators on quantised tensors ask of their operands, and how they answer.

/// Throws INVALID_MODEL unless input i is u8 or i8.
void check_byte(const Infer& context, size_t i, std::string_view what);
/// Throws INVALID_MODEL unless input i is absent or of that type.
void check_type(const Infer& context, size_t i, ElementType element, std::string_view what);

/// Throws INVALID_MODEL unless the bias of a product is absent, i32 or, of one that gives f32, f32.
void check_bias(const Infer& context, size_t i, bool to_f32, std::string_view what);

/// That bias: i32 counts in the sums, f32 is added to their product with the scales.
class LinearBias {
 public:
  LinearBias(Evaluation& e, size_t i);
  int64_t steps(int64_t channel) const { return steps_ ? steps_[channel] : 0; }
  float addend(int64_t channel) const { return addend_ ? addend_[channel] : 0; }

 private:
  const int32_t* steps_ = nullptr;
  const float* addend_ = nullptr;
};

/// A rounded number cut off to the range of u8 or i8; not-a-number (a scale of 0) is the lowest.
int64_t saturated(float value, ElementType to);

}  // namespace drawbar::ops
