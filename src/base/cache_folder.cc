#include "base/cache_folder.h"

#include <cstdlib>

namespace drawbar {

std::filesystem::path cache_folder() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (xdg && *xdg) return std::filesystem::path(xdg) / "drawbar";
  if (home && *home) return std::filesystem::path(home) / ".cache" / "drawbar";
  return {};
}

}  // namespace drawbar
