#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/memory.h"
#include "targets/cuda/emulated/block.h"
#include "targets/cuda/gpu.h"

namespace drawbar::cuda {
namespace {

/// Most parameters of a kernel.
constexpr size_t most_arguments = 48;

std::atomic<bool> in_reverse = false;

/// What every GPU can launch (CUDA C++ Programming Guide, "Compute Capabilities").
void check_extents(const Extent& grid, const Extent& block) {
  constexpr int64_t most_x = 0x7fffffff, most_yz = 65535, most_threads = 1024;
  const auto within = [](const Extent& extent, int64_t x, int64_t y, int64_t z) {
    return extent.x >= 1 && extent.y >= 1 && extent.z >= 1 && extent.x <= x && extent.y <= y &&
           extent.z <= z;
  };
  if (!within(grid, most_x, most_yz, most_yz) || !within(block, most_threads, most_threads, 64) ||
      block.size() > most_threads) {
    fail(ErrorCode::internal, "a launch of {} x {} x {} blocks of {} x {} x {} threads", grid.x,
         grid.y, grid.z, block.x, block.y, block.z);
  }
}

template <size_t>
using Pointer = const void*;

template <size_t... I>
void call(void* function, const void* const* values, std::index_sequence<I...>) {
  reinterpret_cast<void (*)(Pointer<I>...)>(function)(values[I]...);
}
template <size_t N>
void call_with(void* function, const void* const* values) {
  call(function, values, std::make_index_sequence<N>());
}
using Call = void (*)(void*, const void* const*);
template <size_t... N>
Call call_of(size_t count, std::index_sequence<N...>) {
  static constexpr Call calls[] = {call_with<N>...};
  return calls[count];
}

/// One kernel of a loaded library.
struct EmulatedFunction {
  void* function = nullptr;
  EmulatedThread** thread = nullptr;  // where the library looks for its thread
};

class EmulatedModule final : public Module {
 public:
  explicit EmulatedModule(std::span<const std::byte> image) {
    // A file of its own: the loader knows libraries by their names.
    std::string name =
        (std::filesystem::temp_directory_path() / "drawbar-emulated-XXXXXX").string();
    const int file = mkstemp(name.data());
    size_t done = 0;
    while (file >= 0 && done < image.size()) {
      const ssize_t written = write(file, image.data() + done, image.size() - done);
      if (written <= 0) break;
      done += static_cast<size_t>(written);
    }
    if (file >= 0) close(file);
    if (done == image.size()) library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    const char* reason = library_ ? "" : done == image.size() ? dlerror() : "no room for it";
    std::filesystem::remove(name);
    if (!library_) fail(ErrorCode::internal, "emulated device code: {}", reason);
    thread_ = static_cast<EmulatedThread**>(dlsym(library_, "drawbar_thread"));
  }
  ~EmulatedModule() override { dlclose(library_); }
  EmulatedModule(const EmulatedModule&) = delete;
  EmulatedModule& operator=(const EmulatedModule&) = delete;

  const void* function(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    EmulatedFunction& known = functions_[name];
    if (!known.function) known = {dlsym(library_, name.c_str()), thread_};
    if (!known.function) fail(ErrorCode::internal, "device code has no kernel {}", name);
    return &known;
  }

 private:
  void* library_ = nullptr;
  EmulatedThread** thread_ = nullptr;
  mutable std::mutex mutex_;
  mutable std::map<std::string, EmulatedFunction> functions_;
};

/// Work of several streams, each piece with those that must be done before it, which have smaller
/// numbers.
struct Recorded {
  struct Work {
    std::function<void()> perform;
    std::vector<size_t> after;
  };
  std::vector<Work> work;
  bool is_open = true;
};

struct EmulatedRecording final : Recording {
  explicit EmulatedRecording(std::shared_ptr<const Recorded> from) : recorded(std::move(from)) {}
  std::shared_ptr<const Recorded> recorded;
};

struct EmulatedMark final : Mark {
  std::chrono::steady_clock::time_point time = std::chrono::steady_clock::now();
  std::shared_ptr<Recorded> recorded;  // null where nothing is being recorded
  std::vector<size_t> after;
  double seconds_since(const Mark& earlier) const override {
    return std::chrono::duration<double>(time - static_cast<const EmulatedMark&>(earlier).time)
        .count();
  }
};

/// Each piece as soon as it may, the first that was recorded first; in reverse the last first.
void perform(const Recorded& recorded) {
  if (!in_reverse) {
    for (const Recorded::Work& work : recorded.work) work.perform();
    return;
  }
  std::vector<char> done(recorded.work.size(), 0);
  for (size_t left = done.size(); left > 0; --left) {
    size_t next = done.size();
    const auto is_ready = [&](size_t i) {
      const auto& after = recorded.work[i].after;
      return !done[i] &&
             std::all_of(after.begin(), after.end(), [&](size_t each) { return done[each] != 0; });
    };
    while (!is_ready(--next)) {
    }
    recorded.work[next].perform();
    done[next] = 1;
  }
}

class EmulatedStream final : public Stream {
 public:
  void copy_to_device(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void copy_to_host(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void copy_on_device(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void fill(void* to, uint8_t byte, size_t bytes) override {
    perform([=] { std::memset(to, byte, bytes); });
  }

  void launch(const void* function, const Extent& grid, const Extent& block,
              std::span<const void* const> arguments, bool synchronises) override {
    if (arguments.size() > most_arguments)
      fail(ErrorCode::internal, "a kernel has {} parameters", arguments.size());
    check_extents(grid, block);
    std::vector<const void*> values;
    for (const void* argument : arguments)
      values.push_back(*static_cast<const void* const*>(argument));
    const auto& kernel = *static_cast<const EmulatedFunction*>(function);
    perform([=, values = std::move(values)] {
      static std::mutex one_launch;
      const std::lock_guard lock(one_launch);
      EmulatedThread thread;
      *kernel.thread = &thread;
      const Call body = call_of(values.size(), std::make_index_sequence<most_arguments + 1>());
      run_blocks(thread, grid, block, synchronises, in_reverse,
                 [&] { body(kernel.function, values.data()); });
    });
  }

  void synchronize() override {}
  void wait_for(const Mark& mark) override {
    const auto& emulated = static_cast<const EmulatedMark&>(mark);
    if (!emulated.recorded) return;
    if (!is_recorded()) {
      recorded_ = emulated.recorded;
      after_.clear();
    }
    after_.insert(after_.end(), emulated.after.begin(), emulated.after.end());
  }
  void begin_recording() override {
    recorded_ = std::make_shared<Recorded>();
    after_.clear();
  }
  /// Work that this stream does not wait for is an error, as it is on a device.
  std::unique_ptr<Recording> end_recording() override {
    std::vector<char> is_joined(recorded_->work.size(), 0);
    for (size_t each : after_) is_joined[each] = 1;
    for (size_t i = is_joined.size(); i-- > 0;) {
      if (!is_joined[i])
        fail(ErrorCode::internal, "recorded work {} of another stream was not joined", i);
      for (size_t each : recorded_->work[i].after) is_joined[each] = 1;
    }
    recorded_->is_open = false;
    return std::make_unique<EmulatedRecording>(std::exchange(recorded_, nullptr));
  }
  void replay(const Recording& recording) override {
    drawbar::cuda::perform(*static_cast<const EmulatedRecording&>(recording).recorded);
  }
  std::unique_ptr<Mark> mark() override {
    auto mark = std::make_unique<EmulatedMark>();
    if (is_recorded()) {
      mark->recorded = recorded_;
      mark->after = after_;
    }
    return mark;
  }
  void* handle() const override { return nullptr; }

 private:
  void perform(std::function<void()> work) {
    if (!is_recorded()) return work();
    recorded_->work.push_back({std::move(work), std::move(after_)});
    after_ = {recorded_->work.size() - 1};
  }
  void copy(void* to, const void* from, size_t bytes) {
    perform([=] {
      if (bytes) std::memcpy(to, from, bytes);
    });
  }

  bool is_recorded() const { return recorded_ && recorded_->is_open; }

  std::shared_ptr<Recorded> recorded_;
  std::vector<size_t> after_;  // what the next work comes after
};

class EmulatedGpu final : public Gpu {
 public:
  explicit EmulatedGpu(int index) {
    info_ = {.name = "emulated on the host",
             .architecture = "host",
             .multiprocessors = 132,
             .memory_bytes = int64_t{8} << 30,
             .l2_bytes = 50 << 20,
             .bandwidth = 4e12,
             .f32_operations = 6e13,
             .half_operations = 9e14,
             .host_bandwidth = 5e10,
             .launch_seconds = 1.5e-6,
             .index = index,
             .alignment = 16};
  }
  const GpuInfo& info() const override { return info_; }
  void make_current() const override {}

  /// Ends at a page that may not be touched, but for what alignment to 16 bytes leaves.
  std::shared_ptr<void> take_memory(size_t bytes) override {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t used = std::max<size_t>((bytes + 15) / 16 * 16, 16);
    const size_t pages = (used + page - 1) / page * page;
    void* memory =
        mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      fail(ErrorCode::resource_exhausted, "no memory for {} bytes of the emulated GPU", bytes);
    auto* first = static_cast<std::byte*>(memory);
    mprotect(first + pages, page, PROT_NONE);
    return {first + (pages - used), [=](void*) { munmap(memory, pages + page); }};
  }
  std::shared_ptr<void> allocate_staging(size_t bytes) override {
    void* memory = allocate_memory(bytes);
    if (!memory) fail(ErrorCode::resource_exhausted, "no memory for {} bytes of staging", bytes);
    return {memory, [](void* p) { std::free(p); }};
  }
  std::shared_ptr<const Module> load(std::span<const std::byte> image) override {
    return std::make_shared<EmulatedModule>(image);
  }
  std::shared_ptr<Stream> make_stream() override { return std::make_shared<EmulatedStream>(); }

 private:
  GpuInfo info_;
};

}  // namespace

void emulate_in_reverse(bool reversed) { in_reverse = reversed; }

std::shared_ptr<Gpu> emulated_gpu(int index) {
  static std::mutex mutex;
  static std::map<int, std::shared_ptr<EmulatedGpu>> made;
  const std::lock_guard lock(mutex);
  auto& gpu = made[index];
  if (!gpu) gpu = std::make_shared<EmulatedGpu>(index);
  return gpu;
}

}  // namespace drawbar::cuda
