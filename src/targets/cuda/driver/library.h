#pragma once

#include <string>
#include <vector>

namespace drawbar::cuda {

/// A shared library that is looked for while running. Thread-safe.
class Library {
 public:
  /// The first of `names` that loads.
  explicit Library(const std::vector<std::string>& names);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& reason() const { return reason_; }  // why none was loaded
  /// Null where the library lacks it.
  void* symbol(const char* name) const;
  template <class F>
  F function(const char* name) const {
    return reinterpret_cast<F>(symbol(name));
  }

 private:
  void* handle_ = nullptr;  // stays loaded
  std::string reason_;
};

// The name a header's function has in its library: some headers put a version behind it by a macro.
#define DRAWBAR_SYMBOL(F) DRAWBAR_SYMBOL_TEXT(F)
#define DRAWBAR_SYMBOL_TEXT(F) #F

}  // namespace drawbar::cuda
