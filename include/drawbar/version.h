#pragma once

#include <string>

namespace drawbar {

/// Of the library that is loaded: "0.1.0".
std::string version();

}  // namespace drawbar
