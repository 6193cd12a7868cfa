#pragma once

#include <map>
#include <string>

namespace drawbar {

/// Timed tactics of earlier compilations, by problem, in the user's cache folder
/// ($XDG_CACHE_HOME or ~/.cache, under drawbar/): one file per processor and version. A file that
/// cannot be read counts as empty; one that cannot be written is left out silently, since it only
/// saves time.
std::map<std::string, std::string> load_timing_cache();
/// Adds these to the file, in the place of older ones.
void store_timing_cache(const std::map<std::string, std::string>& timings);

}  // namespace drawbar
