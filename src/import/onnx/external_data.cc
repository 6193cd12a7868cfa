#include "import/onnx/external_data.h"

#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "import/onnx/onnx.pb.h"

namespace drawbar::onnx {
namespace {

constexpr size_t longest_location = 4096;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

[[noreturn]] void refuse(const std::string& location, std::string_view reason) {
  fail(ErrorCode::invalid_model, "external data '{}': {}", location, reason);
}

/// For kernels without openat2: one component after the other, none of them a link.
Descriptor open_step_by_step(Descriptor folder, const std::string& location) {
  const std::filesystem::path path(location);
  for (auto part = path.begin(); part != path.end(); ++part) {
    if (*part == "." || part->empty()) continue;
    const bool last = std::next(part) == path.end();
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    Descriptor next(openat(folder.get(), part->c_str(), flags));
    if (!next.is_open()) return next;
    folder = std::move(next);
  }
  return folder;
}

Descriptor open_beneath(const std::string& folder, const std::string& location) {
  Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) refuse(location, "the model's folder cannot be opened");
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long opened = syscall(SYS_openat2, root.get(), location.c_str(), &how, sizeof(how));
  if (opened >= 0) return Descriptor(static_cast<int>(opened));
  const bool unknown_call = errno == ENOSYS || errno == EPERM || errno == EINVAL;
  if (!unknown_call) return Descriptor(-1);
  return open_step_by_step(std::move(root), location);
}

int64_t parse_size(const std::string& location, const std::string& key, const std::string& text) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    refuse(location,
           fmt::format("{} is '{}', expected a number of bytes", key, text.substr(0, 40)));
  }
  return value;
}

}  // namespace

struct ExternalData::File {
  const std::byte* data = nullptr;
  int64_t size = 0;

  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (data) munmap(const_cast<std::byte*>(data), static_cast<size_t>(size));
  }
};

const ExternalData::File& ExternalData::open(const std::string& location) {
  auto& file = files_[location];
  if (file) return *file;
  if (folder_.empty()) refuse(location, "a model in memory has no folder for data beside it");
  if (location.empty() || location.size() > longest_location ||
      location.find('\0') < location.size())
    refuse(location.substr(0, 80), "not the name of a file");
  const std::filesystem::path path(location);
  if (path.is_absolute()) refuse(location, "is an absolute path, expected one beneath the model");
  for (const auto& part : path) {
    if (part == "..") refuse(location, "leaves the model's folder");
  }
  const Descriptor descriptor = open_beneath(folder_, location);
  if (!descriptor.is_open()) {
    refuse(location, errno == ENOENT ? "there is no such file beside the model"
                     : errno == ELOOP || errno == EXDEV
                         ? "is reached through a symbolic link, which is not followed"
                         : std::strerror(errno));
  }
  struct stat status {};
  if (fstat(descriptor.get(), &status) != 0) refuse(location, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse(location, "is not a regular file");
  if (status.st_nlink != 1) refuse(location, "has several hard links, expected one");
  auto opened = std::make_shared<File>();
  opened->size = status.st_size;
  if (opened->size > 0) {
    void* memory = mmap(nullptr, static_cast<size_t>(opened->size), PROT_READ, MAP_PRIVATE,
                        descriptor.get(), 0);
    if (memory == MAP_FAILED) refuse(location, std::strerror(errno));
    opened->data = static_cast<const std::byte*>(memory);
  }
  file = std::move(opened);
  return *file;
}

ExternalBytes ExternalData::find(const drawbar_onnx::TensorProto& tensor) {
  std::string location, offset_text = "0";
  const std::string* length_text = nullptr;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset_text = entry.value();
    if (entry.key() == "length") length_text = &entry.value();
  }
  const File& file = open(location);
  const int64_t offset = parse_size(location, "offset", offset_text);
  if (offset > file.size) {
    refuse(location, fmt::format("offset {} lies behind its {} bytes", offset, file.size));
  }
  const int64_t rest = file.size - offset;
  const int64_t length = length_text ? parse_size(location, "length", *length_text) : rest;
  if (length > rest) {
    refuse(location, fmt::format("{} bytes at offset {} do not fit into its {} bytes", length,
                                 offset, file.size));
  }
  return {file.data + offset, length, files_[location]};
}

}  // namespace drawbar::onnx
