#include "ops/pointwise/content.h"

#include <limits>

namespace drawbar::ops {
namespace {

/// Sizes are never negative, and only a minus sign in the expression can change that.
bool never_negative(const Dim& a) {
  return a.is_constant() ? a.value() >= 0 : a.str().find('-') == std::string::npos;
}

std::optional<Dim> truncated_quotient(const Dim& a, const Dim& b) {
  if (b.is_constant() && b.value() == 0) return std::nullopt;
  if (a.is_constant() && b.is_constant()) {
    if (b.value() == -1) return Dim(0) - a;
    return Dim(a.value() / b.value());
  }
  if (!b.is_constant() || b.value() < 0) {
    if (never_negative(a) && never_negative(b)) return floor_div(a, b);
    return std::nullopt;
  }
  if (never_negative(a)) return floor_div(a, b);
  return floor_div(max(a, Dim(0)), b) - floor_div(max(Dim(0) - a, Dim(0)), b);
}

std::optional<Dim> remainder(const Dim& a, const Dim& b, bool sign_of_dividend) {
  if (b.is_constant() && b.value() == 0) return std::nullopt;
  if (!sign_of_dividend) return mod(a, b);
  if (a.is_constant() && b.is_constant()) {
    return Dim(b.value() == -1 ? 0 : a.value() % b.value());
  }
  if (never_negative(a) && never_negative(b)) return mod(a, b);
  return std::nullopt;
}

/// a ? 0, where the difference of two expressions is a number or they are the same.
std::optional<int> compare(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (!difference.is_constant()) return std::nullopt;
  return (difference.value() > 0) - (difference.value() < 0);
}

std::optional<Dim> truth(std::optional<bool> value) {
  if (!value) return std::nullopt;
  return Dim(*value ? 1 : 0);
}

template <class F>
std::optional<Dim> compared(const Dim& a, const Dim& b, F&& f) {
  const auto order = compare(a, b);
  return order ? truth(f(*order)) : std::nullopt;
}

std::optional<Dim> apply(Function function, const Dim& a, const Dim& b, const Dim& c) {
  const bool known = a.is_constant() && b.is_constant();
  switch (function) {
    case Function::Add:
      return a + b;
    case Function::Sub:
      return a - b;
    case Function::Mul:
      return a * b;
    case Function::Div:
      return truncated_quotient(a, b);
    case Function::Mod:
      return remainder(a, b, false);
    case Function::Fmod:
      return remainder(a, b, true);
    case Function::Min:
      return min(a, b);
    case Function::Max:
      return max(a, b);
    case Function::Neg:
      return Dim(0) - a;
    case Function::Abs:
      return never_negative(a) ? a : max(a, Dim(0) - a);
    case Function::Relu:
      return never_negative(a) ? a : max(a, Dim(0));
    case Function::Sign:
      if (!a.is_constant()) return std::nullopt;
      return Dim((a.value() > 0) - (a.value() < 0));
    case Function::Equal:
      return compared(a, b, [](int order) { return order == 0; });
    case Function::Greater:
      return compared(a, b, [](int order) { return order > 0; });
    case Function::GreaterOrEqual:
      return compared(a, b, [](int order) { return order >= 0; });
    case Function::Less:
      return compared(a, b, [](int order) { return order < 0; });
    case Function::LessOrEqual:
      return compared(a, b, [](int order) { return order <= 0; });
    case Function::Not:
      return a.is_constant() ? truth(a.value() == 0) : std::nullopt;
    case Function::And:
      return known ? truth(a.value() && b.value()) : std::nullopt;
    case Function::Or:
      return known ? truth(a.value() || b.value()) : std::nullopt;
    case Function::Xor:
      return known ? truth((a.value() != 0) != (b.value() != 0)) : std::nullopt;
    case Function::Where:
      if (a.is_constant()) return a.value() ? b : c;
      if (b == c) return b;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool fits(const Dim& value, ElementType type) {
  if (!value.is_constant()) return true;
  switch (type) {
    case ElementType::i64:
    case ElementType::boolean:
      return true;
    case ElementType::i32:
      return value.value() == static_cast<int32_t>(value.value());
    default:
      return false;
  }
}

}  // namespace

std::optional<Dims> elementwise_content(Function function, const Infer& context, const Dims& dims) {
  if (dims.size() > 1) return std::nullopt;
  if (dims.size() == 1 && (!dims[0].is_constant() || dims[0].value() > 1024)) return std::nullopt;
  const auto size = static_cast<size_t>(dims.empty() ? 1 : dims[0].value());
  Dims operands[3];
  for (size_t i = 0; i < context.inputs(); ++i) {
    const ElementType type = context.element(i);
    if (type != ElementType::i64 && type != ElementType::i32 && type != ElementType::boolean) {
      return std::nullopt;
    }
    auto content = context.content(i);
    if (!content || (content->size() != 1 && content->size() != size)) return std::nullopt;
    operands[i] = std::move(*content);
  }
  const ElementType type = context.element(function == Function::Where ? 1 : 0);
  Dims result;
  try {
    for (size_t k = 0; k < size; ++k) {
      const auto at = [&](size_t i) {
        return operands[i].empty() ? Dim(0) : operands[i][operands[i].size() == 1 ? 0 : k];
      };
      auto value = apply(function, at(0), at(1), at(2));
      if (!value || !fits(*value, type)) return std::nullopt;
      result.push_back(std::move(*value));
    }
  } catch (const Error&) {
    return std::nullopt;  // the arithmetic overflows, so the run-time integers wrap
  }
  return result;
}

}  // namespace drawbar::ops
