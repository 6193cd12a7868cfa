#include "targets/cuda/driver/nvrtc.h"

#include <atomic>
#include <cuda.h>
#include <nvrtc.h>

#include "base/error.h"
#include "targets/cuda/device_sources.h"
#include "targets/cuda/driver/library.h"

namespace drawbar::cuda {
namespace {

struct Nvrtc {
  Library library{{fmt::format("libnvrtc.so.{}", CUDA_VERSION / 1000), "libnvrtc.so.13",
                   "libnvrtc.so.12", "libnvrtc.so"}};
#define DRAWBAR_NVRTC(F) decltype(&nvrtc##F) F = library.function<decltype(&nvrtc##F)>("nvrtc" #F)
  DRAWBAR_NVRTC(CreateProgram);
  DRAWBAR_NVRTC(CompileProgram);
  DRAWBAR_NVRTC(DestroyProgram);
  DRAWBAR_NVRTC(GetProgramLogSize);
  DRAWBAR_NVRTC(GetProgramLog);
  DRAWBAR_NVRTC(GetPTXSize);
  DRAWBAR_NVRTC(GetPTX);
  DRAWBAR_NVRTC(GetCUBINSize);
  DRAWBAR_NVRTC(GetCUBIN);
  DRAWBAR_NVRTC(GetErrorString);
#undef DRAWBAR_NVRTC
};

std::atomic<bool> refuses_warnings = false;
/// What NVRTC is silent about: parameters that are not used, initialisers in another order than
/// members, comparisons of signed and unsigned numbers.
constexpr const char* more_warnings = "--diag-warn=826,1719,1873";

/// A compilation, ended when it goes.
class Compilation {
 public:
  Compilation(const Nvrtc& nvrtc, const std::string& source) : nvrtc_(nvrtc) {
    std::vector<const char*> names, texts;
    for (const DeviceSource& file : device_sources()) {
      names.push_back(file.path.data());
      texts.push_back(file.text.data());
    }
    check(nvrtc.CreateProgram(&program_, source.c_str(), "plan.cu", static_cast<int>(names.size()),
                              texts.data(), names.data()));
  }
  ~Compilation() { nvrtc_.DestroyProgram(&program_); }
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  std::vector<std::byte> compile(const std::string& architecture) {
    const std::string target = "--gpu-architecture=" + architecture;
    std::vector<const char*> options = {target.c_str(), "--std=c++17", "--fmad=true"};
    const bool refuse = refuses_warnings;
    if (refuse) options.push_back(more_warnings);
    const nvrtcResult result =
        nvrtc_.CompileProgram(program_, static_cast<int>(options.size()), options.data());
    if (result == NVRTC_ERROR_INVALID_OPTION) {
      fail(ErrorCode::invalid_argument, "NVRTC compiles nothing for '{}'", architecture);
    }
    if (result == NVRTC_ERROR_COMPILATION) {
      fail(ErrorCode::internal, "device code does not compile for {}: {}", architecture,
           log().substr(0, 2000));
    }
    check(result);
    if (refuse && log().find("warning") != std::string::npos) {
      fail(ErrorCode::internal, "device code has warnings for {}: {}", architecture,
           log().substr(0, 2000));
    }
    const bool is_virtual = architecture.starts_with("compute_");
    size_t bytes = 0;
    check(is_virtual ? nvrtc_.GetPTXSize(program_, &bytes) : nvrtc_.GetCUBINSize(program_, &bytes));
    std::vector<std::byte> image(bytes);
    auto* data = reinterpret_cast<char*>(image.data());
    check(is_virtual ? nvrtc_.GetPTX(program_, data) : nvrtc_.GetCUBIN(program_, data));
    return image;
  }

 private:
  void check(nvrtcResult result) const {
    if (result != NVRTC_SUCCESS)
      fail(ErrorCode::internal, "NVRTC: {}", nvrtc_.GetErrorString(result));
  }
  std::string log() const {
    size_t bytes = 0;
    nvrtc_.GetProgramLogSize(program_, &bytes);
    std::string text(bytes, '\0');
    if (bytes > 0) nvrtc_.GetProgramLog(program_, text.data());
    return text;
  }

  const Nvrtc& nvrtc_;
  nvrtcProgram program_ = nullptr;
};

}  // namespace

std::vector<std::byte> compile_with_nvrtc(const std::string& source,
                                          const std::string& architecture) {
  static const Nvrtc nvrtc;
  if (!nvrtc.library || !nvrtc.GetCUBIN) {
    fail(ErrorCode::unavailable, "device code needs NVRTC to be compiled: {}",
         nvrtc.library.reason());
  }
  return Compilation(nvrtc, source).compile(architecture);
}

void refuse_device_warnings(bool refuse) { refuses_warnings = refuse; }

}  // namespace drawbar::cuda
