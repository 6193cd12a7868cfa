#include "targets/cuda/emulated/host_compiler.h"

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cache_folder.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "targets/cuda/device_sources.h"

namespace drawbar::cuda {
namespace {

namespace fs = std::filesystem;

/// A folder with the files that device code includes; it goes with the process.
class Workshop {
 public:
  Workshop() {
    std::string name = (fs::temp_directory_path() / "drawbar-cuda-XXXXXX").string();
    if (!mkdtemp(name.data()))
      fail(ErrorCode::resource_exhausted, "no folder for device code: {}", name);
    folder_ = name;
    for (const DeviceSource& source : device_sources()) {
      const fs::path path = folder_ / source.path;
      fs::create_directories(path.parent_path());
      std::ofstream(path) << source.text;
    }
  }
  ~Workshop() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

std::string first_lines(const fs::path& file) {
  std::ifstream stream(file);
  std::string result, line;
  for (int i = 0; i < 12 && std::getline(stream, line); ++i) result += "\n" + line;
  return result;
}

/// Runs the compiler; its messages go to `log`.
int run(std::vector<std::string> words, const fs::path& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    fail(ErrorCode::unavailable, "the emulation needs a C++ compiler: {}: {}", words[0],
         std::generic_category().message(error));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::vector<std::byte> contents(const fs::path& file) {
  const MappedFile mapped(file.string());
  const auto* data = reinterpret_cast<const std::byte*>(mapped.bytes().data());
  return {data, data + mapped.size()};
}

Hash key_of(const std::string& source) {
  static const Hash included = [] {
    std::string all;
    for (const DeviceSource& file : device_sources()) all += file.text;
    return hash_bytes(all);
  }();
  return hash_bytes(source.data(), source.size(), included.low);
}

}  // namespace

std::vector<std::byte> compile_for_host(const std::string& source) {
  const std::string name = key_of(source).hex() + ".so";
  const fs::path cache = cache_folder().empty() ? fs::path() : cache_folder() / "emulated";
  if (!cache.empty() && fs::exists(cache / name)) return contents(cache / name);

  static const Workshop workshop;
  static std::atomic<int> compilations = 0;
  const fs::path folder = workshop.folder();
  const std::string stem = fmt::format("code{}", ++compilations);
  const fs::path code = folder / (stem + ".cc"), library = folder / (stem + ".so"),
                 log = folder / (stem + ".log");
  std::ofstream(code) << source;
  const char* compiler = std::getenv("DRAWBAR_CXX");
  const int status =
      run({compiler && *compiler ? compiler : "c++", "-std=c++17", "-O1", "-fPIC", "-shared", "-w",
           "-ffp-contract=off", "-fsanitize=alignment", "-fsanitize-undefined-trap-on-error",
           "-DDRAWBAR_EMULATED", "-I", folder.string(), "-o", library.string(), code.string()},
          log);
  if (status != 0) {
    fail(ErrorCode::internal, "device code does not compile for the emulation:{}",
         first_lines(log));
  }
  std::vector<std::byte> image = contents(library);
  for (const fs::path& file : {code, library, log}) fs::remove(file);
  if (!cache.empty()) {
    std::error_code failed;
    fs::create_directories(cache, failed);
    if (!failed) {
      AtomicFile kept((cache / name).string());
      kept.write(image.data(), image.size());
      kept.commit();
    }
  }
  return image;
}

}  // namespace drawbar::cuda
