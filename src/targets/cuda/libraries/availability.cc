#include "targets/cuda/libraries/availability.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace drawbar::cuda {

std::vector<std::string> in_library_folders(const std::vector<std::string>& names) {
  std::vector<std::string> folders, result;
  if (const char* listed = std::getenv("DRAWBAR_CUDA_LIBRARIES")) {
    std::string_view rest = listed;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(':'), rest.size());
      if (end > 0) folders.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (const std::string& name : names) {
    for (const std::string& folder : folders) result.push_back(folder + "/" + name);
    result.push_back(name);
  }
  return result;
}

bool is_this_device(const GpuInfo& gpu) {
  if (gpu.architecture == "host") return false;
  const FoundGpu& here = this_gpu();
  return here.gpu && here.gpu->info().architecture == gpu.architecture;
}

}  // namespace drawbar::cuda
