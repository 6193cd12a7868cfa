#include <cstdlib>
#include <map>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "targets/cuda/driver/device_gpu.h"
#include "targets/cuda/driver/nvrtc.h"
#include "targets/cuda/emulated/host_compiler.h"

namespace drawbar::cuda {
namespace {

constexpr int most_emulated = 16;

/// How many devices DRAWBAR_CUDA ("emulated", "emulated:2") wants emulated; 0: it asks for none.
int emulated_devices() {
  const char* variable = std::getenv("DRAWBAR_CUDA");
  constexpr std::string_view word = "emulated";
  const std::string_view wanted = variable ? variable : "";
  if (!wanted.starts_with(word)) return 0;
  if (wanted == word) return 1;
  const int count = wanted[word.size()] == ':' ? std::atoi(variable + word.size() + 1) : 0;
  if (count < 1 || count > most_emulated) {
    fail(ErrorCode::invalid_argument,
         "DRAWBAR_CUDA is '{}', expected emulated or emulated:1 to :{}", wanted, most_emulated);
  }
  return count;
}

/// Devices behind the first one that are in use, by their numbers.
struct Others {
  std::mutex mutex;
  std::map<int, std::shared_ptr<Gpu>> used;
};

Others& other_gpus() {
  static Others others;
  return others;
}

}  // namespace

const FoundGpu& this_gpu() {
  static const FoundGpu found =
      emulated_devices() > 0 ? FoundGpu{emulated_gpu(), {}} : device_gpu(0);
  return found;
}

std::span<const int> gpu_indices() {
  static const std::vector<int> indices = [] {
    std::vector<int> emulated;
    for (int i = 0; i < emulated_devices(); ++i) emulated.push_back(i);
    if (!emulated.empty()) return emulated;
    return this_gpu().gpu ? devices_like_the_first() : emulated;
  }();
  return indices;
}

const std::shared_ptr<Gpu>& gpu(int index) {
  const FoundGpu& first = this_gpu();
  if (first.gpu && first.gpu->info().index == index) return first.gpu;
  Others& others = other_gpus();
  const std::lock_guard lock(others.mutex);
  std::shared_ptr<Gpu>& known = others.used[index];
  if (!known) {
    FoundGpu found = emulated_devices() > 0 ? FoundGpu{emulated_gpu(index), {}} : device_gpu(index);
    if (!found.gpu) fail(ErrorCode::unavailable, "target cuda: device {}: {}", index, found.reason);
    known = std::move(found.gpu);
    known->limit_memory(first.gpu->memory_limit());
  }
  return known;
}

int& current_gpu() {
  thread_local int index = 0;
  return index;
}

void limit_memory_of_gpus(int64_t bytes) {
  Others& others = other_gpus();
  const std::lock_guard lock(others.mutex);
  if (this_gpu().gpu) this_gpu().gpu->limit_memory(bytes);
  for (const auto& [index, gpu] : others.used) {
    if (gpu) gpu->limit_memory(bytes);
  }
}

std::vector<std::byte> compile_code(const std::string& source, const std::string& architecture) {
  return architecture == "host" ? compile_for_host(source)
                                : compile_with_nvrtc(source, architecture);
}

}  // namespace drawbar::cuda
