#include "ops/dft/signal_inputs.h"

#include <bit>

#include "ops/dft/fourier.h"

namespace drawbar::ops {

void expect_one_integer(const Infer& context, size_t i, std::string_view what) {
  const ElementType type = context.element(i);
  if (type != ElementType::i32 && type != ElementType::i64)
    fail(ErrorCode::invalid_model, "{} is {}, expected i32 or i64", what, name(type));
  if (!context.ranked(i)) return;
  const Dim size = context.tensor(i).size();
  if (context.rank(i) > 1 || (size.is_constant() && size.value() != 1)) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], expected one number", what,
         to_string(context.dims(i)));
  }
}

std::optional<Dim> one_integer(const Infer& context, size_t i) {
  if (!context.has(i)) return std::nullopt;
  const auto content = context.content(i);
  if (!content || content->size() != 1) return std::nullopt;
  return content->front();
}

void expect_signal(const Infer& context, size_t i, std::string_view what) {
  const ElementType type = context.element(i);
  if (!is_floating(type) || bits(type) < 16) {
    fail(ErrorCode::invalid_model, "{} is {}, expected f16, bf16, f32 or f64", what, name(type));
  }
}

void check_length(const Dim& length, std::string_view what) {
  if (!length.is_constant()) return;
  if (length.value() < 1)
    fail(ErrorCode::invalid_model, "{} is {}, expected at least 1", what, length.value());
  if (length.value() > largest_transform) {
    fail(ErrorCode::unsupported, "{} is {}, at most {} is supported", what, length.value(),
         largest_transform);
  }
}

void check_table_type(ElementType type) {
  if ((is_integer(type) && bits(type) >= 8) || (is_floating(type) && bits(type) >= 16)) return;
  fail(ErrorCode::invalid_model,
       "output_datatype is {}, expected an integer of 8 bits or more, f16, bf16, f32 or f64",
       name(type));
}

Dim fourier_operations(const Dim& length) {
  const bool known = length.is_constant() && length.value() > 0;
  const int levels = known ? std::bit_width(static_cast<uint64_t>(length.value())) : 10;
  return Dim(5 * levels) * length;
}

}  // namespace drawbar::ops
