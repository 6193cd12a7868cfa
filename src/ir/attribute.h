#pragma once

#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.h"
#include "drawbar/element_type.h"

namespace drawbar {

/// An operator's attribute as it is printed, hashed and saved.
using Attribute = std::variant<bool, int64_t, double, std::string, ElementType,
                               std::vector<int64_t>, std::vector<double>, std::vector<std::string>>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

std::string to_string(const Attribute& attribute);
std::string to_string(
    double value);  // shortest text that reads back; always with '.', 'e', inf or nan
std::string quoted(std::string_view text);  // with escapes

/// Enumerations spell their members: specialise with `static constexpr std::string_view names[]`.
template <class E>
struct EnumNames;

namespace attribute {

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

template <class T>
Attribute encode(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, ElementType> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<int64_t>> ||
                std::is_same_v<T, std::vector<std::string>>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(EnumNames<T>::names[static_cast<size_t>(value)]);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::is_same_v<T, std::vector<float>>) {
    return std::vector<double>(value.begin(), value.end());
  } else {
    return encode_attribute(value);  // found beside T: structs that have a text form
  }
}

/// Throws INVALID_MODEL when the attribute's type does not fit.
template <class T>
void decode(std::string_view name, const Attribute& attribute, T& value) {
  const auto wrong = [&]() {
    fail(ErrorCode::invalid_model, "attribute '{}' has the wrong type", name);
  };
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, ElementType> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<int64_t>> ||
                std::is_same_v<T, std::vector<std::string>>) {
    if (const T* held = std::get_if<T>(&attribute)) {
      value = *held;
    } else if constexpr (is_vector<T>::value) {  // "[]" reads as an empty list of integers
      const auto* empty = std::get_if<std::vector<int64_t>>(&attribute);
      if (!empty || !empty->empty()) wrong();
      value.clear();
    } else {
      wrong();
    }
  } else if constexpr (std::is_enum_v<T>) {
    const auto* text = std::get_if<std::string>(&attribute);
    if (!text) wrong();
    size_t index = 0;
    for (std::string_view member : EnumNames<T>::names) {
      if (member == *text) {
        value = static_cast<T>(index);
        return;
      }
      ++index;
    }
    fail(ErrorCode::invalid_model, "attribute '{}' is '{}', which is none of its values", name,
         *text);
  } else if constexpr (std::is_integral_v<T>) {
    const auto* number = std::get_if<int64_t>(&attribute);
    if (!number || static_cast<int64_t>(static_cast<T>(*number)) != *number) wrong();
    value = static_cast<T>(*number);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (const auto* number = std::get_if<double>(&attribute)) {
      value = static_cast<T>(*number);
    } else if (const auto* integer = std::get_if<int64_t>(&attribute)) {
      value = static_cast<T>(*integer);
    } else {
      wrong();
    }
  } else if constexpr (std::is_same_v<T, std::vector<float>>) {
    value.clear();
    if (const auto* numbers = std::get_if<std::vector<double>>(&attribute)) {
      for (double number : *numbers) value.push_back(static_cast<float>(number));
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute)) {
      for (int64_t number : *integers) value.push_back(static_cast<float>(number));
    } else {
      wrong();
    }
  } else {
    decode_attribute(name, attribute, value);
  }
}

}  // namespace attribute
}  // namespace drawbar
