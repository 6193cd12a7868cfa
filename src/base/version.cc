#include "base/version.h"

#include <fstream>

namespace drawbar {

std::string version() { return DRAWBAR_VERSION; }

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace drawbar
