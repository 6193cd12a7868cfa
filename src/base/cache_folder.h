#pragma once

#include <filesystem>

namespace drawbar {

/// Where this user's caches of Drawbar lie: $XDG_CACHE_HOME/drawbar, else ~/.cache/drawbar; empty
/// where neither variable is set. It need not exist.
std::filesystem::path cache_folder();

}  // namespace drawbar
