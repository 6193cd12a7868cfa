#include <cstdlib>
#include <string_view>

#include "targets/cuda/driver/device_gpu.h"
#include "targets/cuda/driver/nvrtc.h"
#include "targets/cuda/emulated/host_compiler.h"

namespace drawbar::cuda {

const FoundGpu& this_gpu() {
  static const FoundGpu found = [] {
    const char* wanted = std::getenv("DRAWBAR_CUDA");
    if (wanted && std::string_view(wanted) == "emulated") return FoundGpu{emulated_gpu(), {}};
    return device_gpu(0);
  }();
  return found;
}

std::vector<std::byte> compile_code(const std::string& source, const std::string& architecture) {
  return architecture == "host" ? compile_for_host(source)
                                : compile_with_nvrtc(source, architecture);
}

}  // namespace drawbar::cuda
