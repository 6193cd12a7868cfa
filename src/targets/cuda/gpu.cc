#include "targets/cuda/gpu.h"

#include "base/error.h"

namespace drawbar::cuda {

std::shared_ptr<void> Gpu::allocate(size_t bytes) {
  const auto wanted = static_cast<int64_t>(bytes);
  const int64_t before = held_->fetch_add(wanted);
  const auto give_back = [held = held_, wanted] { held->fetch_sub(wanted); };
  try {
    if (wanted > limit_ - before) {
      fail(ErrorCode::resource_exhausted,
           "GPU: {} bytes are needed besides the {} that this process holds, its limit is {}",
           bytes, before, limit_.load());
    }
    const std::shared_ptr<void> memory = take_memory(bytes);
    return {memory.get(), [memory, give_back](void*) { give_back(); }};
  } catch (...) {
    give_back();
    throw;
  }
}

}  // namespace drawbar::cuda
