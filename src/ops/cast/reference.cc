#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/small_float.h"
#include "ops/cast/convert.h"
#include "ops/cast/op.h"

namespace drawbar::ops {
namespace {

bool has_cpp_type(ElementType type) { return type <= ElementType::boolean; }

/// Numbers of bool count as 0 and 1 whatever their byte is.
template <class From>
From element(const void* data, int64_t i) {
  if constexpr (std::is_same_v<From, bool>)
    return static_cast<const uint8_t*>(data)[i] != 0;
  else
    return static_cast<const From*>(data)[i];
}

void cast_numbers(const Tensor& x, Tensor& y) {
  with_element_type(x.type(), [&](auto from) {
    with_element_type(y.type(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      To* out = y.data<To>();
      for (int64_t i = 0; i < x.size(); ++i) out[i] = convert<To>(element<From>(x.raw(), i));
    });
  });
}

/// The code of a power of two at, below or nearest to |value|.
unsigned power_of_two_code(float value, bool saturate, PowerRounding rounding) {
  if (std::isnan(value)) return 255;
  const float magnitude = std::fabs(value);
  if (magnitude == 0) return 0;
  if (std::isinf(magnitude)) return saturate ? 254 : 255;
  int exponent;
  const float fraction = std::frexp(magnitude, &exponent);  // in [0.5, 1)
  exponent -= 1;
  if (rounding == PowerRounding::up ? fraction > 0.5f
                                    : rounding == PowerRounding::nearest && fraction >= 0.75f) {
    ++exponent;
  }
  if (exponent > 127) return saturate ? 254 : 255;
  return static_cast<unsigned>(std::max(exponent, -127) + 127);
}

void set_float(const Cast& op, Tensor& y, int64_t i, double value) {
  const float number = rounded_to_odd(value);
  auto* codes = static_cast<uint8_t*>(y.raw());
  if (y.type() == ElementType::f8e8m0) {
    codes[i] = static_cast<uint8_t>(
        power_of_two_code(static_cast<float>(value), op.saturate, op.round_mode));
  } else if (bits(y.type()) == 8) {
    codes[i] = static_cast<uint8_t>(encode_small_float(y.type(), number, op.saturate));
  } else {
    write_number(y, i, number);
  }
}

/// Where one side is a type that C++ lacks.
void cast_small(const Cast& op, const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < x.size(); ++i) {
    const bool whole = is_integer(x.type()) || x.type() == ElementType::boolean;
    if (!has_cpp_type(y.type()) && is_floating(y.type())) {
      set_float(op, y, i, read_number(x, i));
    } else if (whole) {
      write_integer(y, i, read_integer(x, i));
    } else if (is_integer(y.type())) {
      write_integer(y, i, truncated<int64_t>(read_number(x, i)));
    } else {
      write_number(y, i, read_number(x, i));
    }
  }
}

/// Shortest text that reads back, written as Python does: 1.0, 1e-05, nan, -inf.
template <class T>
std::string float_text(T value) {
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string text_of(const Tensor& x, int64_t i) {
  switch (x.type()) {
    case ElementType::boolean:
      return read_integer(x, i) ? "True" : "False";
    case ElementType::u64:
      return std::to_string(x.data<uint64_t>()[i]);
    case ElementType::f64:
      return float_text(x.data<double>()[i]);
    default:
      if (is_integer(x.type())) return std::to_string(read_integer(x, i));
      return float_text(static_cast<float>(read_number(x, i)));
  }
}

[[noreturn]] void not_a_number(std::string_view text) {
  fail(ErrorCode::invalid_argument, "'{}' is not a number", text.substr(0, 40));
}

double number_of(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || end != digits.data() + digits.size() || text.starts_with("+-"))
    not_a_number(text);
  if (error == std::errc::result_out_of_range) {
    const std::string copy(digits);
    return std::strtod(copy.c_str(), nullptr);  // infinity or the least number
  }
  if (error != std::errc()) not_a_number(text);
  return value;
}

void read_text(const Cast& op, const std::string& text, Tensor& y, int64_t i) {
  if (y.type() == ElementType::boolean) {
    const bool yes = text == "True" || text == "true", no = text == "False" || text == "false";
    y.data<bool>()[i] = yes || (!no && number_of(text) != 0);
    return;
  }
  if (is_integer(y.type())) {
    std::string_view digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const char* last = digits.data() + digits.size();
    if (y.type() == ElementType::u64) {
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(digits.data(), last, value);
      if (end == last && error == std::errc()) {
        y.data<uint64_t>()[i] = value;
        return;
      }
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), last, value);
    if (end != last || error != std::errc()) value = truncated<int64_t>(number_of(text));
    write_integer(y, i, value);
    return;
  }
  const double value = number_of(text);
  if (y.type() == ElementType::f64) {
    y.data<double>()[i] = value;
  } else if (has_cpp_type(y.type())) {
    write_number(y, i, y.type() == ElementType::f32 ? value : rounded_to_odd(value));
  } else {
    set_float(op, y, i, value);
  }
}

}  // namespace

void reference(const Cast& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  if (x.type() == op.to) {
    e.set_output(0, x);
    return;
  }
  Tensor& y = e.output(0, op.to, x.shape());
  if (y.size() > 0 && bits(op.to) < 8) std::memset(y.raw(), 0, static_cast<size_t>(y.bytes()));
  if (x.type() == ElementType::string) {
    const auto texts = x.values<std::string>();
    for (int64_t i = 0; i < x.size(); ++i) read_text(op, texts[static_cast<size_t>(i)], y, i);
  } else if (op.to == ElementType::string) {
    for (int64_t i = 0; i < x.size(); ++i) y.data<std::string>()[i] = text_of(x, i);
  } else if (has_cpp_type(x.type()) && has_cpp_type(op.to)) {
    cast_numbers(x, y);
  } else {
    cast_small(op, x, y);
  }
}

void reference(const BitCast& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, op.to, x.shape());
  if (x.size() > 0) std::memcpy(y.raw(), x.raw(), static_cast<size_t>(x.bytes()));
}

}  // namespace drawbar::ops
