#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace drawbar::cuda {

/// What plans need to know of a GPU.
struct GpuInfo {
  std::string name;          // "NVIDIA H200"
  std::string architecture;  // what code is compiled for: "sm_90"; "host" when emulated
  int multiprocessors = 1;
  int64_t memory_bytes = 0;
  int64_t l2_bytes = 0;
  double bandwidth = 0;        // bytes per second of device memory
  double f32_operations = 0;   // per second, a multiply-add being two
  double half_operations = 0;  // the same of f16 and bf16 on the matrix units; of bytes twice that
  double host_bandwidth = 0;   // bytes per second of copies between host and device
  double launch_seconds = 0;   // of a kernel that does nothing, in a recorded run
  int index = 0;               // the driver's number for it
  int64_t alignment = 256;     // of memory that is allocated, in bytes
};

/// Threads of a launch: blocks, and threads of each.
struct Extent {
  int64_t x = 1, y = 1, z = 1;
  int64_t size() const { return x * y * z; }
};

/// Code of one compilation, loaded. Keeps its device alive.
class Module {
 public:
  virtual ~Module() = default;
  /// A kernel by its name, to be launched while the module lives. Throws INTERNAL for an unknown
  /// one.
  virtual const void* function(const std::string& name) const = 0;
};

/// Work that was recorded once, to be replayed as a whole.
class Recording {
 public:
  virtual ~Recording() = default;
};

/// A point in a stream's work.
class Mark {
 public:
  virtual ~Mark() = default;
  /// From `earlier`, of the same stream, to here; both have been reached, and are not recorded.
  virtual double seconds_since(const Mark& earlier) const = 0;
};

/// Work of one device in order. One thread at a time; everything is asynchronous but `synchronize`.
/// Throws UNAVAILABLE where the device is lost, INTERNAL where a kernel failed.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void copy_to_device(void* to, const void* from, size_t bytes) = 0;
  virtual void copy_to_host(void* to, const void* from, size_t bytes) = 0;
  /// Between memories of devices.
  virtual void copy_on_device(void* to, const void* from, size_t bytes) = 0;
  virtual void fill(void* to, uint8_t byte, size_t bytes) = 0;
  /// `arguments` points at the value of each parameter. `synchronises`: the kernel's threads wait
  /// for each other.
  virtual void launch(const void* function, const Extent& grid, const Extent& block,
                      std::span<const void* const> arguments, bool synchronises) = 0;
  virtual void synchronize() = 0;

  /// What comes from now on begins after `mark`, of another stream. Where that is being recorded,
  /// this stream is, too, until its end: the other one waits for it before `end_recording`.
  virtual void wait_for(const Mark& mark) = 0;

  /// What comes until `end_recording` is recorded and not done.
  virtual void begin_recording() = 0;
  virtual std::unique_ptr<Recording> end_recording() = 0;
  virtual void replay(const Recording& recording) = 0;

  virtual std::unique_ptr<Mark> mark() = 0;
  /// The driver's handle (CUstream) for libraries; null when emulated.
  virtual void* handle() const = 0;
};

/// One GPU, or its emulation on the host. Thread-safe.
class Gpu {
 public:
  virtual ~Gpu() = default;
  virtual const GpuInfo& info() const = 0;
  /// Makes it the device of the calling thread, on which libraries plan and run.
  virtual void make_current() const = 0;
  /// Memory of the device. Throws RESOURCE_EXHAUSTED where it is short, or above the limit.
  std::shared_ptr<void> allocate(size_t bytes);
  /// Of all that this process holds.
  void limit_memory(int64_t bytes) { limit_ = bytes; }
  int64_t memory_limit() const { return limit_; }
  /// Memory of the host that the device copies from and to without a detour.
  virtual std::shared_ptr<void> allocate_staging(size_t bytes) = 0;
  /// What `compile` gave for this architecture.
  virtual std::shared_ptr<const Module> load(std::span<const std::byte> image) = 0;
  virtual std::shared_ptr<Stream> make_stream() = 0;

 private:
  virtual std::shared_ptr<void> take_memory(size_t bytes) = 0;

  std::atomic<int64_t> limit_ = std::numeric_limits<int64_t>::max();
  // Kept by what is allocated, which may outlive the device.
  std::shared_ptr<std::atomic<int64_t>> held_ = std::make_shared<std::atomic<int64_t>>(0);
};

/// A device, or null with the reason why there is none: "no driver", "no device", "the driver is
/// for CUDA 11.4, 12.0 is needed".
struct FoundGpu {
  std::shared_ptr<Gpu> gpu;
  std::string reason;
};
/// The first device of this process. With DRAWBAR_CUDA=emulated the emulation, emulated:2 two of
/// them.
const FoundGpu& this_gpu();
/// The numbers (GpuInfo::index) of the devices that run what is planned for the first one: those of
/// its name, itself before the others. Empty where there is none.
std::span<const int> gpu_indices();
/// One of them, taken into use at the first call. Throws what the driver says.
const std::shared_ptr<Gpu>& gpu(int index);
/// Of each that is in use or will be.
void limit_memory_of_gpus(int64_t bytes);
/// The index of the calling thread's device: that of the last call of a GPU or a stream.
int& current_gpu();

/// The emulation: kernels are compiled for this host and run thread by thread, memory ends at pages
/// that may not be touched. For tests.
std::shared_ptr<Gpu> emulated_gpu(int index = 0);
/// Whether it runs threads and blocks in the reverse order from now on (emulated/block.h).
void emulate_in_reverse(bool reversed);

/// Device code, or host code for the emulation, of CUDA C++ that includes the files of code/ and
/// operators by their paths below src/. Throws INTERNAL with the compiler's first messages where
/// the code is wrong, UNAVAILABLE where there is no compiler.
std::vector<std::byte> compile_code(const std::string& source, const std::string& architecture);

}  // namespace drawbar::cuda
