#pragma once

#include <string>

namespace drawbar {

std::string version();         // "0.1.0"
std::string processor_name();  // as the operating system gives it

}  // namespace drawbar
