#pragma once

#include <string>
#include <string_view>

namespace drawbar {

/// One character of UTF-8 text.
struct Character {
  char32_t code = 0;
  size_t bytes = 0;  // 0: what stands there is no UTF-8
};

/// The character that begins at text[at]; overlong forms, surrogates and what is cut off are none.
Character read_character(std::string_view text, size_t at);
void append_character(std::string& text, char32_t code);
bool is_utf8(std::string_view text);

/// Whether Unicode calls it white space, as Python's str.split() does.
bool is_space(char32_t code);

}  // namespace drawbar
