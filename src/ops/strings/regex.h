#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace drawbar::ops {

/// A compiled regular expression in RE2's syntax over UTF-8. Matching takes time linear in the text
/// and bounded memory. Thread-safe.
class Regex {
 public:
  /// Throws INVALID_MODEL for a wrong pattern, RESOURCE_EXHAUSTED for one that compiles to too
  /// much, UNSUPPORTED where regular expressions were left out of the build (DRAWBAR_REGEX).
  explicit Regex(const std::string& pattern);
  /// Whether the whole text matches.
  bool matches(std::string_view text) const;
  int64_t instructions() const;  // of the compiled pattern

  static bool is_built();

 private:
  struct Program;
  std::shared_ptr<const Program> program_;
};

}  // namespace drawbar::ops
