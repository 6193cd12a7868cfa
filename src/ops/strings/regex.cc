#include "ops/strings/regex.h"

#include "ir/attribute.h"

#ifdef DRAWBAR_REGEX
#include <re2/re2.h>
#endif

namespace drawbar::ops {

#ifdef DRAWBAR_REGEX

namespace {

constexpr int64_t most_bytes = 8 << 20;  // of one compiled pattern and what matching keeps with it

re2::RE2::Options options() {
  re2::RE2::Options result;
  result.set_max_mem(most_bytes);
  result.set_log_errors(false);
  return result;
}

/// For messages: patterns may be of any length.
std::string excerpt(std::string_view text) {
  constexpr size_t most = 120;
  if (text.size() <= most) return quoted(text);
  return quoted(text.substr(0, most)) + "...";
}

}  // namespace

struct Regex::Program {
  re2::RE2 expression;
  explicit Program(const std::string& pattern) : expression(pattern, options()) {}
};

Regex::Regex(const std::string& pattern) : program_(std::make_shared<Program>(pattern)) {
  const re2::RE2& expression = program_->expression;
  if (expression.ok()) return;
  if (expression.error_code() == re2::RE2::ErrorPatternTooLarge) {
    fail(ErrorCode::resource_exhausted, "pattern {} compiles to more than {} bytes",
         excerpt(pattern), most_bytes);
  }
  fail(ErrorCode::invalid_model, "pattern {} is no regular expression: {}", excerpt(pattern),
       excerpt(expression.error()));
}

bool Regex::matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), program_->expression);
}

int64_t Regex::instructions() const { return program_->expression.ProgramSize(); }

bool Regex::is_built() { return true; }

#else

Regex::Regex(const std::string&) {
  fail(ErrorCode::unsupported, "this program was built without regular expressions");
}

bool Regex::matches(std::string_view) const { return false; }

int64_t Regex::instructions() const { return 0; }

bool Regex::is_built() { return false; }

#endif

}  // namespace drawbar::ops
