#include "targets/packed_constants.h"

#include <algorithm>
#include <cstdlib>

#include "base/checked.h"
#include "base/memory.h"

namespace drawbar {

PackedConstants::Buffer PackedConstants::get(const ConstantPtr& constant, const std::string& form,
                                             size_t bytes,
                                             FunctionRef<void(const Tensor&, void*)> pack,
                                             bool saved) {
  const std::string key = constant->hash().hex() + " " + form;
  const std::lock_guard lock(mutex_);
  const auto found = buffers_.find(key);
  if (found != buffers_.end() && found->second.bytes == bytes) {
    if (found->second.expected) {
      unchecked_.insert(key);
      all_checked_ = false;
    }
    return found->second.data;
  }
  void* memory = allocate_memory(bytes);
  if (!memory)
    fail(ErrorCode::resource_exhausted, "no memory for {} bytes of packed weights", bytes);
  Buffer buffer(static_cast<const std::byte*>(memory),
                [](const std::byte* p) { std::free(const_cast<std::byte*>(p)); });
  pack(constant->tensor(), memory);
  buffers_.insert_or_assign(key, Section{buffer, bytes, {}});
  if (!saved) unsaved_.insert(key);
  return buffer;
}

void PackedConstants::will_read(const ConstantPtr& constant) {
  const std::lock_guard lock(mutex_);
  unread_.push_back(constant);
  all_checked_ = false;
}

void PackedConstants::map(ThreadPool& pool) {
  const std::lock_guard lock(mutex_);
  std::vector<Section*> sections;
  for (const std::string& key : unchecked_) sections.push_back(&buffers_.at(key));
  pool.parallel_for(static_cast<int64_t>(sections.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) sections[static_cast<size_t>(i)]->map();
  });
}

void PackedConstants::check(ThreadPool& pool) {
  if (all_checked_) return;
  const std::lock_guard lock(mutex_);
  struct Item {
    size_t bytes;
    const std::string* key;  // of a packed buffer, or null
    const Constant* constant;
  };
  std::vector<Item> items;
  for (const std::string& key : unchecked_)
    items.push_back({buffers_.at(key).bytes, &key, nullptr});
  for (const ConstantPtr& constant : unread_) {
    const int64_t bytes = storage_bytes(constant->type(), element_count(constant->shape()));
    items.push_back({static_cast<size_t>(bytes), nullptr, constant.get()});
  }
  // The largest first, so that the threads end together.
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.bytes > b.bytes; });
  std::atomic<size_t> next = 0;
  pool.parallel_for(pool.threads(), 1, [&](int64_t, int64_t, int) {
    for (size_t i = next++; i < items.size(); i = next++) {
      if (items[i].key) {
        buffers_.at(*items[i].key).check(*items[i].key);
      } else {
        items[i].constant->tensor();
      }
    }
  });
  for (const std::string& key : unchecked_) buffers_.at(key).expected.reset();
  unchecked_.clear();
  unread_.clear();
  all_checked_ = true;
}

std::map<std::string, Section> PackedConstants::all() const {
  const std::lock_guard lock(mutex_);
  return buffers_;
}

std::map<std::string, Section> PackedConstants::saved() const {
  std::map<std::string, Section> result = all();
  const std::lock_guard lock(mutex_);
  for (const std::string& key : unsaved_) result.erase(key);
  return result;
}

void PackedConstants::add(std::string key, Section section) {
  const std::lock_guard lock(mutex_);
  buffers_.insert_or_assign(std::move(key), std::move(section));
}

size_t PackedConstants::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t total = 0;
  for (const auto& [key, section] : buffers_) total += section.bytes;
  return total;
}

}  // namespace drawbar
