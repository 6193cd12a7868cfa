#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drawbar::cuda {

/// A shared library of device code for the emulation, made by the C++ compiler that DRAWBAR_CXX
/// names, else c++. What was compiled before is kept in the user's cache folder. Throws UNAVAILABLE
/// without a compiler, INTERNAL with its first messages where the code is wrong.
std::vector<std::byte> compile_for_host(const std::string& source);

}  // namespace drawbar::cuda
