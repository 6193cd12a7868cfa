#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/threads.h"
#include "ir/constant.h"
#include "targets/target.h"

namespace drawbar {

/// Constants in the form kernels read, shared by all plans of a program and saved in the engine.
/// Thread-safe; a buffer is packed once.
class PackedConstants {
 public:
  using Buffer = std::shared_ptr<const std::byte>;
  /// The buffer for `constant` in `form` (which names everything the bytes depend on: "gemm_b nr=32
  /// k=512 …"), made by `pack` into 64-byte aligned memory of `bytes` if there is none yet. Without
  /// `saved` engines leave it out, and it is made again when they are opened.
  Buffer get(const ConstantPtr& constant, const std::string& form, size_t bytes,
             FunctionRef<void(const Tensor& source, void* packed)> pack, bool saved = true);
  /// Says that a kernel will read the constant as it came.
  void will_read(const ConstantPtr& constant);
  /// Maps the buffers that check() will read. Nothing that follows depends on it.
  void map(ThreadPool& pool);
  /// Checks what get() has given out of an engine and loads what will be read, since the last time,
  /// on all threads of the pool: to be called before a kernel runs. Throws INVALID_MODEL, and again
  /// the next time.
  void check(ThreadPool& pool);
  /// What is there; the part of it that engines keep; and buffers from an engine.
  std::map<std::string, Section> all() const;
  std::map<std::string, Section> saved() const;
  void add(std::string key, Section section);
  size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Section> buffers_;  // by "<constant's hash> <form>"
  std::set<std::string> unchecked_;         // of those, the ones given out
  std::set<std::string> unsaved_;           // and those that engines leave out
  std::vector<ConstantPtr> unread_;         // to be loaded
  std::atomic<bool> all_checked_ = true;
};

}  // namespace drawbar
