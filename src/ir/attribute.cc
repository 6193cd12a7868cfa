#include "ir/attribute.h"

#include <cmath>

namespace drawbar {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string to_string(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

namespace {

template <class T, class F>
std::string list(const std::vector<T>& values, F&& each) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + each(value);
  return text + "]";
}

}  // namespace

std::string to_string(const Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else if constexpr (std::is_same_v<T, int64_t>) {
          return std::to_string(value);
        } else if constexpr (std::is_same_v<T, double>) {
          return to_string(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return quoted(value);
        } else if constexpr (std::is_same_v<T, ElementType>) {
          return std::string(name(value));
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          return list(value, [](int64_t v) { return std::to_string(v); });
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          return list(value, [](double v) { return to_string(v); });
        } else {
          return list(value, [](const std::string& v) { return quoted(v); });
        }
      },
      attribute);
}

}  // namespace drawbar
