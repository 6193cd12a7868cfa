#pragma once

#include <cstdint>
#include <cudnn.h>
#include <mutex>
#include <string>

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// cuDNN's functions that are used, loaded from libcudnn.so.9, which loads its other parts itself.
struct Cudnn {
#define DRAWBAR_CUDNN_FUNCTIONS(F) \
  F(cudnnGetVersion)               \
  F(cudnnGetErrorString)           \
  F(cudnnGetLastErrorString)       \
  F(cudnnCreate)                   \
  F(cudnnSetStream)                \
  F(cudnnBackendCreateDescriptor)  \
  F(cudnnBackendDestroyDescriptor) \
  F(cudnnBackendSetAttribute)      \
  F(cudnnBackendGetAttribute)      \
  F(cudnnBackendFinalize)          \
  F(cudnnBackendExecute)
#define DRAWBAR_DECLARE(F) decltype(&::F) F##_ = nullptr;
  DRAWBAR_CUDNN_FUNCTIONS(DRAWBAR_DECLARE)
#undef DRAWBAR_DECLARE
  std::string reason;  // why it is not there; empty when it is
};

/// Loaded at the first call.
const Cudnn& cudnn();

/// Whether cuDNN can plan and run for this GPU here. Loads it only where the GPU is.
bool has_cudnn(const GpuInfo& gpu);

/// Throws what the status stands for: UNSUPPORTED, RESOURCE_EXHAUSTED without memory, UNAVAILABLE
/// without a device, a driver or a part of the library, else INTERNAL; with cuDNN's last words on
/// this thread. `what` was tried.
void check(cudnnStatus_t status, const char* what);

/// Calls a function of cuDNN by its name and checks the status.
#define DRAWBAR_CUDNN(F, ...) ::drawbar::cuda::check(::drawbar::cuda::cudnn().F##_(__VA_ARGS__), #F)

/// A handle of the calling thread's device (current_gpu), one to plan and one to run with, each
/// made at the first use and kept. It is one thread's while that has an object of this class.
/// Throws UNAVAILABLE without a device.
/// Source: cuDNN's documentation, "Core Concepts: cuDNN Handle" and "Odds and Ends: Thread Safety"
/// (a handle is for one thread at a time).
class CudnnHandle {
 public:
  enum class Use : uint8_t { planning, running };
  explicit CudnnHandle(Use use);
  cudnnHandle_t get() const { return handle_; }
  /// What is executed from now on goes into this stream (a CUstream).
  void set_stream(void* stream) const;

 private:
  std::unique_lock<std::mutex> lock_;
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace drawbar::cuda
