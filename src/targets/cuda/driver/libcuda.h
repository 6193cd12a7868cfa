#pragma once

#include <cuda.h>
#include <string>

namespace drawbar::cuda {

/// The driver's functions that are used, loaded from libcuda.so.1.
struct Libcuda {
#define DRAWBAR_CUDA_FUNCTIONS(F) \
  F(cuInit)                       \
  F(cuDriverGetVersion)           \
  F(cuDeviceGetCount)             \
  F(cuDeviceGet)                  \
  F(cuDeviceGetName)              \
  F(cuDeviceGetAttribute)         \
  F(cuDeviceTotalMem)             \
  F(cuDevicePrimaryCtxRetain)     \
  F(cuCtxSetCurrent)              \
  F(cuGetErrorString)             \
  F(cuMemAlloc)                   \
  F(cuMemFree)                    \
  F(cuMemAllocHost)               \
  F(cuMemFreeHost)                \
  F(cuMemcpyHtoDAsync)            \
  F(cuMemcpyDtoHAsync)            \
  F(cuMemcpyAsync)                \
  F(cuMemsetD8Async)              \
  F(cuModuleLoadData)             \
  F(cuModuleUnload)               \
  F(cuModuleGetFunction)          \
  F(cuLaunchKernel)               \
  F(cuStreamCreate)               \
  F(cuStreamDestroy)              \
  F(cuStreamSynchronize)          \
  F(cuStreamWaitEvent)            \
  F(cuStreamBeginCapture)         \
  F(cuStreamEndCapture)           \
  F(cuGraphInstantiateWithFlags)  \
  F(cuGraphLaunch)                \
  F(cuGraphDestroy)               \
  F(cuGraphExecDestroy)           \
  F(cuEventCreate)                \
  F(cuEventRecord)                \
  F(cuEventSynchronize)           \
  F(cuEventElapsedTime)           \
  F(cuEventDestroy)
#define DRAWBAR_DECLARE(F) decltype(&::F) F##_ = nullptr;
  DRAWBAR_CUDA_FUNCTIONS(DRAWBAR_DECLARE)
#undef DRAWBAR_DECLARE
  std::string reason;  // why it is not there; empty when it is
};

/// Loaded and initialised at the first call.
const Libcuda& libcuda();

/// Throws what the result stands for: RESOURCE_EXHAUSTED without memory, UNAVAILABLE for a lost
/// device or an image of another architecture, else INTERNAL; `what` was tried.
void check(CUresult result, const char* what);

/// Calls a function of the driver by its name and checks the result.
#define DRAWBAR_CU(F, ...) ::drawbar::cuda::check(::drawbar::cuda::libcuda().F##_(__VA_ARGS__), #F)

}  // namespace drawbar::cuda
