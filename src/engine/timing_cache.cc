#include "engine/timing_cache.h"

#include <filesystem>

#include "base/cache_folder.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/version.h"

namespace drawbar {
namespace {

std::filesystem::path cache_file() {
  const std::filesystem::path folder = cache_folder();
  if (folder.empty()) return {};
  return folder /
         ("tactics-" + hash_bytes(version() + processor_name()).hex().substr(0, 16) + ".txt");
}

}  // namespace

std::map<std::string, std::string> load_timing_cache() {
  std::map<std::string, std::string> timings;
  try {
    const MappedFile file(cache_file().string());
    const std::string_view text = file.bytes();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const size_t space = text.find(' ', at);
      if (space < end)
        timings[std::string(text.substr(space + 1, end - space - 1))] = text.substr(at, space - at);
      at = end + 1;
    }
  } catch (const Error&) {
    timings.clear();
  }
  return timings;
}

void store_timing_cache(const std::map<std::string, std::string>& timings) {
  std::map<std::string, std::string> all = load_timing_cache();
  for (const auto& [problem, tactic] : timings) all.insert_or_assign(problem, tactic);
  const std::filesystem::path path = cache_file();
  if (path.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::string text;
  for (const auto& [problem, tactic] : all) text += tactic + " " + problem + "\n";
  try {
    AtomicFile file(path.string());
    file.write(text.data(), text.size());
    file.commit();
  } catch (const Error&) {
    return;
  }
}

}  // namespace drawbar
