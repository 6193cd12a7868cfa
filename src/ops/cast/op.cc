#include "ops/cast/op.h"

namespace drawbar::ops {

DRAWBAR_OP(Cast);
DRAWBAR_OP(BitCast);

namespace {

bool is_complex(ElementType type) { return kind(type) == ElementKind::complex; }

bool has_content(ElementType type) { return is_integer(type) || type == ElementType::boolean; }

/// The content after the cast, or nothing when a number would not stay what it is.
std::optional<Dims> cast_content(const Dims& content, ElementType to) {
  if (!has_content(to)) return std::nullopt;
  const int width = bits(to);
  const bool is_signed = kind(to) == ElementKind::signed_integer;
  Dims result;
  for (const Dim& value : content) {
    if (to == ElementType::boolean) {
      if (!value.is_constant()) return std::nullopt;
      result.emplace_back(value.value() != 0);
      continue;
    }
    if (!value.is_constant()) {
      if (width < 32) return std::nullopt;  // sizes are taken to fit 32 bits
    } else if (width < 64) {
      const int64_t low = is_signed ? -(int64_t{1} << (width - 1)) : 0;
      const int64_t above = int64_t{1} << (is_signed ? width - 1 : width);
      if (value.value() < low || value.value() >= above) return std::nullopt;
    }
    result.push_back(value);
  }
  return result;
}

void same_shape(Infer& context, ElementType type) {
  if (context.ranked(0)) {
    context.output(0, type, context.dims(0));
  } else {
    context.unranked(0, type);
  }
}

}  // namespace

void infer(const Cast& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType from = context.element(0);
  if (from != op.to && (is_complex(from) || is_complex(op.to))) {
    fail(ErrorCode::invalid_model, "cannot cast {} to {}", name(from), name(op.to));
  }
  if (has_content(from) && context.ranked(0) && context.rank(0) <= 1) {
    if (const auto content = context.content(0)) {
      if (auto after = cast_content(*content, op.to)) context.output_content(0, std::move(*after));
    }
  }
  same_shape(context, op.to);
}

bool keeps_rows(const Cast&, const Infer&, const std::vector<bool>& batched) { return batched[0]; }

void infer(const BitCast& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType from = context.element(0);
  if (from == ElementType::string || op.to == ElementType::string || bits(from) != bits(op.to)) {
    fail(ErrorCode::invalid_model, "cannot read the bits of {} as {}", name(from), name(op.to));
  }
  same_shape(context, op.to);
}

}  // namespace drawbar::ops
