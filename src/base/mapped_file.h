#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace drawbar {

/// A file mapped read-only; pages are shared between processes and read when touched. Copies share
/// the mapping. A file must not be shortened while it is mapped.
class MappedFile {
 public:
  /// Throws INVALID_ARGUMENT with the system's reason when it cannot be opened or is no plain file.
  explicit MappedFile(const std::string& path);

  std::string_view bytes() const { return {data_.get(), size_}; }
  size_t size() const { return size_; }
  /// A pointer into the mapping that keeps it alive.
  std::shared_ptr<const std::byte> at(size_t offset) const {
    return {data_, reinterpret_cast<const std::byte*>(data_.get() + offset)};
  }

 private:
  std::shared_ptr<const char> data_;
  size_t size_ = 0;
};

/// Writes a file so that it is there whole or not at all: a temporary one beside it is renamed.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();  // without commit the temporary file is removed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* data, size_t bytes);
  /// Replaces bytes that were written before.
  void overwrite(size_t offset, const void* data, size_t bytes);
  size_t position() const { return position_; }
  void commit();

 private:
  std::string path_, temporary_;
  int file_ = -1;
  size_t position_ = 0;
};

}  // namespace drawbar
