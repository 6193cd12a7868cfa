#include "targets/cuda/libraries/cudnn.h"

#include <map>

#include "base/error.h"
#include "targets/cuda/driver/library.h"
#include "targets/cuda/libraries/availability.h"

namespace drawbar::cuda {
namespace {

/// Statuses in thousands by kind, plans without a handle of their own.
constexpr size_t oldest_version = 90000;

Cudnn load() {
  // cuDNN's compiled engines load these by their names: they are found where they are loaded.
  static const Library nvrtc(in_library_folders({"libnvrtc.so.13", "libnvrtc.so.12"}));
  static const Library cublaslt(in_library_folders({"libcublasLt.so.13", "libcublasLt.so.12"}));
  static const Library library(in_library_folders({"libcudnn.so.9"}));
  Cudnn cudnn;
  if (!library) {
    cudnn.reason = fmt::format("no cuDNN 9: {}", library.reason());
    return cudnn;
  }
#define DRAWBAR_LOAD(F)                                             \
  cudnn.F##_ = library.function<decltype(&::F)>(DRAWBAR_SYMBOL(F)); \
  if (!cudnn.F##_) cudnn.reason = "cuDNN lacks " DRAWBAR_SYMBOL_TEXT(F);
  DRAWBAR_CUDNN_FUNCTIONS(DRAWBAR_LOAD)
#undef DRAWBAR_LOAD
  if (!cudnn.reason.empty()) return cudnn;
  if (cudnn.cudnnGetVersion_() < oldest_version)
    cudnn.reason = fmt::format("cuDNN is version {}, 9.0 is needed", cudnn.cudnnGetVersion_());
  return cudnn;
}

ErrorCode code_of(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED:
      return ErrorCode::resource_exhausted;
    default:
      break;
  }
  switch (CUDNN_STATUS_CATEGORY(static_cast<int>(status))) {
    case 1000:
      return ErrorCode::unavailable;
    case 3000:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::internal;
  }
}

}  // namespace

const Cudnn& cudnn() {
  static const Cudnn cudnn = load();
  return cudnn;
}

bool has_cudnn(const GpuInfo& gpu) { return is_this_device(gpu) && cudnn().reason.empty(); }

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char last[512] = {};
  cudnn().cudnnGetLastErrorString_(last, sizeof last);
  fail(code_of(status), "cuDNN: {}: {}{}{}", what, cudnn().cudnnGetErrorString_(status),
       last[0] ? ": " : "", last);
}

CudnnHandle::CudnnHandle(Use use) {
  if (!cudnn().reason.empty()) fail(ErrorCode::unavailable, "{}", cudnn().reason);
  struct Made {
    std::mutex mutex;
    cudnnHandle_t handle = nullptr;  // stays: the driver may go before static objects do
  };
  static std::mutex all_mutex;
  static std::map<std::pair<int, Use>, Made> all;
  std::unique_lock all_lock(all_mutex);
  Made& made = all[{current_gpu(), use}];
  all_lock.unlock();
  lock_ = std::unique_lock(made.mutex);
  if (!made.handle) {
    cudnnHandle_t fresh = nullptr;
    DRAWBAR_CUDNN(cudnnCreate, &fresh);
    made.handle = fresh;
  }
  handle_ = made.handle;
}

void CudnnHandle::set_stream(void* stream) const {
  DRAWBAR_CUDNN(cudnnSetStream, handle_, static_cast<cudaStream_t>(stream));
}

}  // namespace drawbar::cuda
