#include "targets/target_library.h"

#include <dlfcn.h>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "targets/target.h"

namespace drawbar {
namespace {

constexpr const char* names[] = {"cuda"};

std::filesystem::path own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&load_target_libraries), &info) || !info.dli_fname) return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

/// Why it could not be loaded, or nothing.
std::optional<std::string> load(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file))
    return fmt::format("built without it (no {})", file.filename().string());
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
  using Build = const char* (*)();
  using Register = void (*)();
  const auto build = reinterpret_cast<Build>(dlsym(library, "drawbar_target_build"));
  const auto enter = reinterpret_cast<Register>(dlsym(library, "drawbar_target_register"));
  if (!build || !enter || build() != build_id()) {
    dlclose(library);
    return fmt::format("{} is of another build", file.filename().string());
  }
  enter();
  return std::nullopt;
}

}  // namespace

std::string_view build_id() { return DRAWBAR_BUILD_ID; }

const std::vector<AbsentTarget>& load_target_libraries() {
  static const std::vector<AbsentTarget> absent = [] {
    std::vector<AbsentTarget> result;
    for (const char* name : names) {
      const auto reason = load(own_folder() / fmt::format("libdrawbar_{}.so", name));
      if (reason) result.push_back({name, *reason});
    }
    return result;
  }();
  return absent;
}

}  // namespace drawbar
