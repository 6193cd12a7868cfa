#include "targets/cuda/driver/libcuda.h"

#include "base/error.h"
#include "targets/cuda/driver/library.h"

namespace drawbar::cuda {
namespace {

/// Graphs with flags and lazy loading, which is used throughout.
constexpr int oldest_driver = 12000;

Libcuda load() {
  static const Library library({"libcuda.so.1"});
  Libcuda cuda;
  if (!library) {
    cuda.reason = "no driver (libcuda.so.1)";
    return cuda;
  }
#define DRAWBAR_LOAD(F)                                            \
  cuda.F##_ = library.function<decltype(&::F)>(DRAWBAR_SYMBOL(F)); \
  if (!cuda.F##_) cuda.reason = "the driver lacks " DRAWBAR_SYMBOL_TEXT(F);
  DRAWBAR_CUDA_FUNCTIONS(DRAWBAR_LOAD)
#undef DRAWBAR_LOAD
  if (!cuda.reason.empty()) return cuda;
  int version = 0;
  cuda.cuDriverGetVersion_(&version);
  if (version < oldest_driver) {
    cuda.reason = fmt::format("the driver is for CUDA {}.{}, {}.{} is needed", version / 1000,
                              version % 1000 / 10, oldest_driver / 1000, oldest_driver % 1000 / 10);
    return cuda;
  }
  const CUresult result = cuda.cuInit_(0);
  int count = 0;
  if (result == CUDA_SUCCESS) cuda.cuDeviceGetCount_(&count);
  if (result == CUDA_ERROR_NO_DEVICE || (result == CUDA_SUCCESS && count == 0)) {
    cuda.reason = "no device";
  } else if (result != CUDA_SUCCESS) {
    const char* text = nullptr;
    cuda.cuGetErrorString_(result, &text);
    cuda.reason = fmt::format("the driver does not start: {}", text ? text : "unknown error");
  }
  return cuda;
}

}  // namespace

const Libcuda& libcuda() {
  static const Libcuda cuda = load();
  return cuda;
}

void check(CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  const char* text = nullptr;
  libcuda().cuGetErrorString_(result, &text);
  ErrorCode code = ErrorCode::internal;
  if (result == CUDA_ERROR_OUT_OF_MEMORY) code = ErrorCode::resource_exhausted;
  if (result == CUDA_ERROR_NO_BINARY_FOR_GPU || result == CUDA_ERROR_ECC_UNCORRECTABLE ||
      result == CUDA_ERROR_DEVICE_UNAVAILABLE || result == CUDA_ERROR_NOT_PERMITTED ||
      result == CUDA_ERROR_SYSTEM_NOT_READY)
    code = ErrorCode::unavailable;
  fail(code, "GPU: {}: {}", what, text ? text : "unknown error");
}

}  // namespace drawbar::cuda
