#include "base/tensor_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/checked.h"
#include "base/memory.h"

namespace drawbar {
namespace {

constexpr int64_t smallest = 32 << 10;  // below, the C library is as good

/// Sizes in steps of an eighth, so that a value that grows a little fits where the last one was.
size_t rounded(size_t bytes) {
  const size_t step = std::max<size_t>(std::bit_floor(bytes) / 8, 4096);
  return (bytes + step - 1) / step * step;
}

}  // namespace

TensorPool::~TensorPool() { shrink(0); }

Tensor TensorPool::allocate(ElementType type, Shape shape) {
  const int64_t wanted = storage_bytes(type, element_count(shape));
  if (type == ElementType::string || wanted < smallest)
    return Tensor::allocate(type, std::move(shape));
  const size_t bytes = rounded(static_cast<size_t>(wanted));
  void* memory = take(bytes);
  if (!memory) return Tensor::allocate(type, std::move(shape));  // which says what is missing
  std::shared_ptr<const void> owner(memory, [pool = shared_from_this(), bytes](const void* p) {
    pool->give_back(const_cast<void*>(p), bytes);
  });
  return Tensor::view(type, std::move(shape), memory, std::move(owner));
}

size_t TensorPool::kept_bytes() const {
  const std::lock_guard lock(mutex_);
  return kept_bytes_;
}

void* TensorPool::take(size_t bytes) {
  const std::lock_guard lock(mutex_);
  void* memory = nullptr;
  if (const auto found = kept_.find(bytes); found != kept_.end()) {
    memory = found->second;
    kept_bytes_ -= bytes;
    kept_.erase(found);
  } else {
    memory = allocate_memory(bytes);
    if (!memory) {
      shrink(in_use_);
      memory = allocate_memory(bytes);
    }
    if (!memory) return nullptr;
    shrink(std::max(most_in_use_, in_use_ + bytes) - bytes);
  }
  in_use_ += bytes;
  most_in_use_ = std::max(most_in_use_, in_use_);
  return memory;
}

void TensorPool::give_back(void* memory, size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_use_ -= bytes;
  kept_.emplace(bytes, memory);
  kept_bytes_ += bytes;
  shrink(most_in_use_);
}

void TensorPool::shrink(size_t most) {
  while (!kept_.empty() && in_use_ + kept_bytes_ > most) {
    const auto largest = std::prev(kept_.end());
    std::free(largest->second);
    kept_bytes_ -= largest->first;
    kept_.erase(largest);
  }
}

}  // namespace drawbar
