#include "ops/strings/letter_case.h"

#include <algorithm>
#include <cwctype>
#include <locale.h>

#include "base/utf8.h"

namespace drawbar::ops {
namespace {

constexpr char32_t dotless_i = 0x131, dotted_capital_i = 0x130;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return result;
}

/// A locale that knows the letters of Unicode; null where the system has none. Lives for ever.
locale_t unicode_locale() {
  static const locale_t found = [] {
    for (const char* name : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
      if (const locale_t locale = newlocale(LC_CTYPE_MASK, name, nullptr)) return locale;
    }
    return locale_t{};
  }();
  return found;
}

}  // namespace

LetterCase::LetterCase(std::string_view locale) {
  if (locale == "C" || locale == "POSIX") {
    ascii_only_ = true;
    return;
  }
  const std::string_view words = locale.substr(0, locale.find_first_of(".@"));
  const std::string_view language = words.substr(0, words.find_first_of("-_"));
  const std::string_view rest = locale.substr(words.size());
  const std::string_view modifier = rest.substr(std::min(rest.find('@'), rest.size()));
  const std::string_view encoding = rest.substr(0, rest.size() - modifier.size());
  const bool formed = words == "C" || (language.size() >= 2 &&
                                       std::all_of(language.begin(), language.end(), is_letter) &&
                                       std::all_of(words.begin(), words.end(), is_word));
  if (!locale.empty() && !formed) {
    fail(ErrorCode::invalid_model, "locale is {}, expected a language and a territory like en_US",
         quoted(locale.substr(0, 64)));
  }
  const std::string codes = lowered(encoding);
  if (!codes.empty() && codes != ".utf-8" && codes != ".utf8") {
    fail(ErrorCode::unsupported, "locale {}: strings are UTF-8", quoted(locale.substr(0, 64)));
  }
  const std::string spoken = lowered(language);
  dotted_ = spoken == "tr" || spoken == "az";
}

char32_t LetterCase::changed(CaseChange how, char32_t letter) const {
  const bool lower = how == CaseChange::lower;
  if (dotted_) {
    if (lower && letter == 'I') return dotless_i;
    if (lower && letter == dotted_capital_i) return 'i';
    if (!lower && letter == 'i') return dotted_capital_i;
    if (!lower && letter == dotless_i) return 'I';
  }
  if (letter < 0x80) {
    const char32_t first = lower ? 'A' : 'a';
    return letter >= first && letter < first + 26 ? letter ^ 0x20 : letter;
  }
  if (ascii_only_) return letter;
  const locale_t locale = unicode_locale();
  if (!locale) {
    fail(ErrorCode::unsupported,
         "letters beyond ASCII need the locale C.UTF-8, which this system lacks");
  }
  const auto wide = static_cast<wint_t>(letter);
  return static_cast<char32_t>(lower ? towlower_l(wide, locale) : towupper_l(wide, locale));
}

bool LetterCase::change(CaseChange how, std::string_view from, std::string& to) const {
  to.clear();
  to.reserve(from.size());
  for (size_t at = 0; at < from.size();) {
    const Character next = read_character(from, at);
    if (next.bytes == 0) return false;
    append_character(to, how == CaseChange::none ? next.code : changed(how, next.code));
    at += next.bytes;
  }
  return true;
}

}  // namespace drawbar::ops
