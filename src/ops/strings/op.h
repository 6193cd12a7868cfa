#pragma once

#include "base/lazy.h"
#include "ir/op.h"
#include "ops/strings/letter_case.h"
#include "ops/strings/regex.h"

namespace drawbar::ops {

/// x, y, which broadcast as numpy's do → each string of x followed by that of y. Source: ONNX
/// StringConcat-20.
struct StringConcat {
  static constexpr std::string_view name = "StringConcat";
  void fields(auto&&) {}
};

/// x [any shape] → the pieces of every string [x's shape, most pieces of any], "" behind the last
/// one, and how many there are (i64, x's shape). Pieces stand between delimiters, and "" has one;
/// without a delimiter they stand between runs of Unicode's white space, and none is empty. At most
/// `most_splits` splits are made (negative: all). Source: ONNX StringSplit-20.
struct StringSplit {
  static constexpr std::string_view name = "StringSplit";
  std::string delimiter;
  int64_t most_splits = -1;
  void fields(auto&& field) {
    field("delimiter", delimiter);
    field("most_splits", most_splits);
  }
};

/// x [C] or [1, C] → the strings that are no stop words, their letters changed: [kept] or
/// [1, kept], one "" where none is kept. Strings and stop words are compared whole, as they are or
/// in lower case: so do ONNX's text and onnxruntime, while ONNX's reference looks for stop words
/// inside of strings, drops accents, and has "ß" become "SS". Source: ONNX StringNormalizer-10.
struct StringNormalizer {
  static constexpr std::string_view name = "StringNormalizer";
  CaseChange case_change = CaseChange::none;
  bool is_case_sensitive = false;
  std::string locale;
  std::vector<std::string> stopwords;
  class Rules;
  Lazy<Rules> rules;  // stop words and letters, ready to look up
  void fields(auto&& field) {
    field("case_change", case_change);
    field("is_case_sensitive", is_case_sensitive);
    field("locale", locale);
    field("stopwords", stopwords);
  }
};

/// x [any shape] → whether the whole string matches the pattern (bool, same shape). Source: ONNX
/// RegexFullMatch-20.
struct RegexFullMatch {
  static constexpr std::string_view name = "RegexFullMatch";
  std::string pattern;
  Lazy<Regex> compiled;
  void fields(auto&& field) { field("pattern", pattern); }
};

void infer(const StringConcat&, Infer&);
void reference(const StringConcat&, Evaluation&);
void infer(const StringSplit&, Infer&);
void reference(const StringSplit&, Evaluation&);
void infer(const StringNormalizer&, Infer&);
void reference(const StringNormalizer&, Evaluation&);
void infer(const RegexFullMatch&, Infer&);
void reference(const RegexFullMatch&, Evaluation&);
Dim operations(const RegexFullMatch&, const Infer&);

/// Throws INVALID_MODEL where input i holds anything else.
void expect_strings(const Infer&, size_t i, std::string_view what);

}  // namespace drawbar::ops
