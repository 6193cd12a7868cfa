#pragma once

#include <string>
#include <vector>

namespace drawbar {

/// A target whose library is not there or not usable.
struct AbsentTarget {
  std::string name, reason;
};

/// Loads the targets that are libraries of their own (libdrawbar_NAME.so beside libdrawbar.so), at
/// the first call; gives those that could not be. A library of another build is refused.
/// Thread-safe.
const std::vector<AbsentTarget>& load_target_libraries();

/// What a library and the program that loads it have to agree on: the version and a hash of all
/// headers they were built with.
std::string_view build_id();

/// Stands once in such a library; `make` gives the target.
#define DRAWBAR_TARGET_LIBRARY(MAKE)                                                     \
  extern "C" __attribute__((visibility("default"))) const char* drawbar_target_build() { \
    return DRAWBAR_BUILD_ID;                                                             \
  }                                                                                      \
  extern "C" __attribute__((visibility("default"))) void drawbar_target_register() {     \
    ::drawbar::register_target(MAKE);                                                    \
  }

}  // namespace drawbar
