// A driver (libcuda.so.1) without a device, for cuDNN's planning: it takes any code and keeps none.
// With the toolkit's stub of the driver cuDNN's compiled engines cannot be planned, as that takes
// no code; without a driver cuDNN does not know them.

#define DRAWBAR_NO_DEVICE(F) \
  extern "C" int F() { return 100; }  // CUDA_ERROR_NO_DEVICE
#define DRAWBAR_SUCCESS(F) \
  extern "C" int F() { return 0; }

extern "C" int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
extern "C" int cuLibraryLoadData(void** library) {
  static char any;
  *library = &any;
  return 0;
}
extern "C" int cuLibraryGetKernel(void** kernel) {
  static char any;
  *kernel = &any;
  return 0;
}
DRAWBAR_SUCCESS(cuLibraryUnload)
DRAWBAR_SUCCESS(cuKernelSetAttribute)

DRAWBAR_NO_DEVICE(cuInit)
DRAWBAR_NO_DEVICE(cuGetErrorName)
DRAWBAR_NO_DEVICE(cuGetErrorString)
DRAWBAR_NO_DEVICE(cuDeviceGet)
DRAWBAR_NO_DEVICE(cuDeviceGetCount)
DRAWBAR_NO_DEVICE(cuCtxGetCurrent)
DRAWBAR_NO_DEVICE(cuCtxGetLimit)
DRAWBAR_NO_DEVICE(cuCtxPopCurrent)
DRAWBAR_NO_DEVICE(cuCtxPushCurrent)
DRAWBAR_NO_DEVICE(cuStreamGetCtx)
DRAWBAR_NO_DEVICE(cuLinkCreate)
DRAWBAR_NO_DEVICE(cuLinkAddData)
DRAWBAR_NO_DEVICE(cuLinkComplete)
DRAWBAR_NO_DEVICE(cuLinkDestroy)
DRAWBAR_NO_DEVICE(cuLaunchKernel)
DRAWBAR_NO_DEVICE(cuLaunchKernelEx)
DRAWBAR_NO_DEVICE(cuLaunchCooperativeKernel)
DRAWBAR_NO_DEVICE(cuLibraryLoadFromFile)
DRAWBAR_NO_DEVICE(cuKernelGetAttribute)
DRAWBAR_NO_DEVICE(cuOccupancyMaxPotentialClusterSize)
