#include "targets/cuda/driver/device_gpu.h"

#include "base/error.h"
#include "targets/cuda/driver/libcuda.h"

namespace drawbar::cuda {
namespace {

CUdeviceptr address(const void* pointer) { return reinterpret_cast<CUdeviceptr>(pointer); }

std::string name_of(int index) {
  CUdevice device = 0;
  DRAWBAR_CU(cuDeviceGet, &device, index);
  char name[256] = {};
  DRAWBAR_CU(cuDeviceGetName, name, static_cast<int>(sizeof name), device);
  return name;
}

/// A device's context, made the thread's own around calls of the driver.
class Context {
 public:
  Context(CUdevice device, int index) : index_(index) {
    DRAWBAR_CU(cuDevicePrimaryCtxRetain, &context_, device);
    enter();
  }
  void enter() const {
    DRAWBAR_CU(cuCtxSetCurrent, context_);
    current_gpu() = index_;
  }
  /// For what gives something back: a lost device is said by what comes next.
  void enter_quietly() const {
    libcuda().cuCtxSetCurrent_(context_);
    current_gpu() = index_;
  }

 private:
  int index_;
  CUcontext context_ = nullptr;  // the primary one: it goes with the process
};

class DeviceModule final : public Module {
 public:
  DeviceModule(std::shared_ptr<const Context> context, std::span<const std::byte> image)
      : context_(std::move(context)) {
    context_->enter();
    DRAWBAR_CU(cuModuleLoadData, &module_, image.data());
  }
  ~DeviceModule() override {
    context_->enter_quietly();
    libcuda().cuModuleUnload_(module_);  // what fails here has failed before
  }
  DeviceModule(const DeviceModule&) = delete;
  DeviceModule& operator=(const DeviceModule&) = delete;

  const void* function(const std::string& name) const override {
    context_->enter();
    CUfunction function = nullptr;
    DRAWBAR_CU(cuModuleGetFunction, &function, module_, name.c_str());
    return function;
  }

 private:
  std::shared_ptr<const Context> context_;
  CUmodule module_ = nullptr;
};

class DeviceRecording final : public Recording {
 public:
  explicit DeviceRecording(CUgraph graph) {
    const CUresult result = libcuda().cuGraphInstantiateWithFlags_(&graph_, graph, 0);
    libcuda().cuGraphDestroy_(graph);
    check(result, "cuGraphInstantiate");
  }
  ~DeviceRecording() override { libcuda().cuGraphExecDestroy_(graph_); }
  DeviceRecording(const DeviceRecording&) = delete;
  DeviceRecording& operator=(const DeviceRecording&) = delete;

  CUgraphExec graph() const { return graph_; }

 private:
  CUgraphExec graph_ = nullptr;
};

class DeviceMark final : public Mark {
 public:
  explicit DeviceMark(CUstream stream) {
    DRAWBAR_CU(cuEventCreate, &event_, CU_EVENT_DEFAULT);
    DRAWBAR_CU(cuEventRecord, event_, stream);
  }
  ~DeviceMark() override { libcuda().cuEventDestroy_(event_); }
  DeviceMark(const DeviceMark&) = delete;
  DeviceMark& operator=(const DeviceMark&) = delete;

  CUevent event() const { return event_; }

  double seconds_since(const Mark& earlier) const override {
    DRAWBAR_CU(cuEventSynchronize, event_);
    float milliseconds = 0;
    DRAWBAR_CU(cuEventElapsedTime, &milliseconds, static_cast<const DeviceMark&>(earlier).event_,
               event_);
    return milliseconds * 1e-3;
  }

 private:
  CUevent event_ = nullptr;
};

class DeviceStream final : public Stream {
 public:
  explicit DeviceStream(std::shared_ptr<const Context> context) : context_(std::move(context)) {
    context_->enter();
    DRAWBAR_CU(cuStreamCreate, &stream_, CU_STREAM_NON_BLOCKING);
  }
  ~DeviceStream() override { libcuda().cuStreamDestroy_(stream_); }
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  void copy_to_device(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    context_->enter();
    DRAWBAR_CU(cuMemcpyHtoDAsync, address(to), from, bytes, stream_);
  }
  void copy_to_host(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    context_->enter();
    DRAWBAR_CU(cuMemcpyDtoHAsync, to, address(from), bytes, stream_);
  }
  void copy_on_device(void* to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    context_->enter();
    DRAWBAR_CU(cuMemcpyAsync, address(to), address(from), bytes, stream_);
  }
  void fill(void* to, uint8_t byte, size_t bytes) override {
    if (bytes == 0) return;
    context_->enter();
    DRAWBAR_CU(cuMemsetD8Async, address(to), byte, bytes, stream_);
  }
  void launch(const void* function, const Extent& grid, const Extent& block,
              std::span<const void* const> arguments, bool) override {
    context_->enter();
    DRAWBAR_CU(cuLaunchKernel, static_cast<CUfunction>(const_cast<void*>(function)),
               static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
               static_cast<unsigned>(grid.z), static_cast<unsigned>(block.x),
               static_cast<unsigned>(block.y), static_cast<unsigned>(block.z), 0, stream_,
               const_cast<void**>(arguments.data()), nullptr);
  }
  void synchronize() override {
    context_->enter();
    DRAWBAR_CU(cuStreamSynchronize, stream_);
  }
  void wait_for(const Mark& mark) override {
    context_->enter();
    DRAWBAR_CU(cuStreamWaitEvent, stream_, static_cast<const DeviceMark&>(mark).event(), 0);
  }
  void begin_recording() override {
    context_->enter();
    DRAWBAR_CU(cuStreamBeginCapture, stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  }
  std::unique_ptr<Recording> end_recording() override {
    context_->enter();
    CUgraph graph = nullptr;
    DRAWBAR_CU(cuStreamEndCapture, stream_, &graph);
    return std::make_unique<DeviceRecording>(graph);
  }
  void replay(const Recording& recording) override {
    context_->enter();
    DRAWBAR_CU(cuGraphLaunch, static_cast<const DeviceRecording&>(recording).graph(), stream_);
  }
  std::unique_ptr<Mark> mark() override {
    context_->enter();
    return std::make_unique<DeviceMark>(stream_);
  }
  void* handle() const override { return stream_; }

 private:
  std::shared_ptr<const Context> context_;
  CUstream stream_ = nullptr;
};

class DeviceGpu final : public Gpu {
 public:
  explicit DeviceGpu(int index) {
    CUdevice device = 0;
    DRAWBAR_CU(cuDeviceGet, &device, index);
    context_ = std::make_shared<const Context>(device, index);
    size_t memory = 0;
    DRAWBAR_CU(cuDeviceTotalMem, &memory, device);
    const auto attribute = [&](CUdevice_attribute which) {
      int value = 0;
      DRAWBAR_CU(cuDeviceGetAttribute, &value, which, device);
      return value;
    };
    const int major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
              minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    info_.name = name_of(index);
    info_.index = index;
    info_.architecture = fmt::format("sm_{}{}", major, minor);
    info_.multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    info_.memory_bytes = static_cast<int64_t>(memory);
    info_.l2_bytes = attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
    // Two transfers a cycle; multiply-adds a cycle of each multiprocessor as NVIDIA's tuning guides
    // and white papers have them.
    const double hertz = 1e3 * attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE),
                 everywhere = 2 * hertz * info_.multiprocessors;
    info_.bandwidth = 2e3 * attribute(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) *
                      attribute(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8;
    info_.f32_operations = everywhere * (major == 7 || (major == 8 && minor == 0) ? 64 : 128);
    info_.half_operations = everywhere * (major >= 10                ? 4096
                                          : major == 9               ? 2048
                                          : major == 8 && minor == 0 ? 1024
                                                                     : 512);
    info_.host_bandwidth = major >= 9 ? 4e10 : 1.2e10;
    info_.launch_seconds = 1.5e-6;
  }
  const GpuInfo& info() const override { return info_; }

  void make_current() const override { context_->enter(); }

  std::shared_ptr<void> take_memory(size_t bytes) override {
    context_->enter();
    CUdeviceptr pointer = 0;
    const CUresult result = libcuda().cuMemAlloc_(&pointer, std::max<size_t>(bytes, 1));
    if (result == CUDA_ERROR_OUT_OF_MEMORY) {
      fail(ErrorCode::resource_exhausted, "GPU: no memory for {} bytes on {}", bytes, info_.name);
    }
    check(result, "cuMemAlloc");
    return {reinterpret_cast<void*>(pointer), [context = context_](void* p) {
              context->enter_quietly();
              libcuda().cuMemFree_(address(p));
            }};
  }
  std::shared_ptr<void> allocate_staging(size_t bytes) override {
    context_->enter();
    void* memory = nullptr;
    DRAWBAR_CU(cuMemAllocHost, &memory, std::max<size_t>(bytes, 1));
    return {memory, [context = context_](void* p) {
              context->enter_quietly();
              libcuda().cuMemFreeHost_(p);
            }};
  }
  std::shared_ptr<const Module> load(std::span<const std::byte> image) override {
    return std::make_shared<DeviceModule>(context_, image);
  }
  std::shared_ptr<Stream> make_stream() override {
    return std::make_shared<DeviceStream>(context_);
  }

 private:
  std::shared_ptr<const Context> context_;
  GpuInfo info_;
};

}  // namespace

std::vector<int> devices_like_the_first() {
  if (!libcuda().reason.empty()) return {};
  std::vector<int> found;
  std::string first;
  int count = 0;
  DRAWBAR_CU(cuDeviceGetCount, &count);
  for (int index = 0; index < count; ++index) {
    const std::string name = name_of(index);
    if (index == 0) first = name;
    if (name == first) found.push_back(index);
  }
  return found;
}

FoundGpu device_gpu(int index) {
  const Libcuda& cuda = libcuda();
  if (!cuda.reason.empty()) return {nullptr, cuda.reason};
  try {
    return {std::make_shared<DeviceGpu>(index), {}};
  } catch (const Error& error) {
    return {nullptr, error.message()};
  }
}

}  // namespace drawbar::cuda
