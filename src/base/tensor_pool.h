#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "base/tensor.h"

namespace drawbar {

/// Memory for values whose size is known only while running. What they give back is kept for later
/// values of about that size, so that the system need not find and clear pages in every run: in use
/// and kept are together no more than was in use at once. Thread-safe; tensors keep their pool
/// alive.
class TensorPool : public std::enable_shared_from_this<TensorPool> {
 public:
  static std::shared_ptr<TensorPool> make() { return std::shared_ptr<TensorPool>(new TensorPool); }
  ~TensorPool();
  TensorPool(const TensorPool&) = delete;
  TensorPool& operator=(const TensorPool&) = delete;

  /// As Tensor::allocate.
  Tensor allocate(ElementType type, Shape shape);
  size_t kept_bytes() const;

 private:
  TensorPool() = default;
  void* take(size_t bytes);  // null where memory is short
  void give_back(void* memory, size_t bytes);
  void shrink(size_t most);  // frees what is kept until in use and kept are at most this

  mutable std::mutex mutex_;
  std::multimap<size_t, void*> kept_;
  size_t kept_bytes_ = 0, in_use_ = 0, most_in_use_ = 0;
};

}  // namespace drawbar
