#pragma once

#include <string>

#include "drawbar/version.h"

namespace drawbar {

std::string processor_name();  // as the operating system gives it

}  // namespace drawbar
