#pragma once

#include <fmt/format.h>

#include "drawbar/error.h"

namespace drawbar {

template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace drawbar
