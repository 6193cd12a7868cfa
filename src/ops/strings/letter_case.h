#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ir/attribute.h"

namespace drawbar::ops {

/// What becomes of letters.
enum class CaseChange : uint8_t { none, lower, upper };

/// Changes the case of letters in UTF-8 text, one character for one ("ß" stays), as the C
/// library's towlower and towupper do.
class LetterCase {
 public:
  /// `locale` is "C" or "POSIX", which know the letters of ASCII alone, or a language, territory
  /// and encoding ("en_US", "de-DE", "fr_FR.UTF-8"); empty is "en_US". Of the languages only
  /// Turkish and Azerbaijani differ: they tell i with a dot from i without. Throws INVALID_MODEL
  /// for what is no locale, UNSUPPORTED for another encoding than UTF-8.
  explicit LetterCase(std::string_view locale = {});

  /// False, with nothing useful in `to`, when `from` is not UTF-8. Throws UNSUPPORTED for letters
  /// beyond ASCII where the system has no locale that knows them.
  bool change(CaseChange how, std::string_view from, std::string& to) const;

 private:
  char32_t changed(CaseChange how, char32_t letter) const;

  bool ascii_only_ = false, dotted_ = false;
};

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::CaseChange> {
  static constexpr std::string_view names[] = {"NONE", "LOWER", "UPPER"};
};
