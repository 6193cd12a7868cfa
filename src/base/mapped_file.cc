#include "base/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace drawbar {

MappedFile::MappedFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail(ErrorCode::invalid_argument, "{}: {}", path, std::strerror(errno));
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    fail(ErrorCode::invalid_argument, "{}: not a plain file", path);
  }
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) {
    ::close(file);
    data_ = std::shared_ptr<const char>("", [](const char*) {});
    return;
  }
  void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
  const int reason = errno;
  ::close(file);
  if (memory == MAP_FAILED)
    fail(ErrorCode::resource_exhausted, "{}: cannot map: {}", path, std::strerror(reason));
  data_ = std::shared_ptr<const char>(
      static_cast<const char*>(memory),
      [size = size_](const char* p) { ::munmap(const_cast<char*>(p), size); });
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {
  file_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (file_ < 0)
    fail(ErrorCode::invalid_argument, "{}: cannot write here: {}", path_, std::strerror(errno));
  ::fchmod(file_, 0644);
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(file_, from, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0)
      fail(ErrorCode::resource_exhausted, "{}: cannot write: {}", path_, std::strerror(errno));
    from += written;
    bytes -= static_cast<size_t>(written);
    position_ += static_cast<size_t>(written);
  }
}

void AtomicFile::overwrite(size_t offset, const void* data, size_t bytes) {
  if (::pwrite(file_, data, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
    fail(ErrorCode::resource_exhausted, "{}: cannot write: {}", path_, std::strerror(errno));
  }
}

void AtomicFile::commit() {
  const int closed = ::close(file_);
  file_ = -1;
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    fail(ErrorCode::resource_exhausted, "{}: cannot write: {}", path_, std::strerror(reason));
  }
}

}  // namespace drawbar
