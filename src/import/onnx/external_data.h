#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace drawbar_onnx {
class TensorProto;
}

namespace drawbar::onnx {

/// Bytes that stay as long as `owner` is held.
struct ExternalBytes {
  const std::byte* data = nullptr;
  int64_t size = 0;
  std::shared_ptr<const void> owner;
};

/// Files beside a model that hold tensor data. They are opened only beneath the model's folder,
/// through no symbolic link, and only regular files with a single link: a model must not reach what
/// lies elsewhere. Each is mapped once, read-only. Not thread-safe.
class ExternalData {
 public:
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}

  /// The data a tensor's external_data names. Throws INVALID_MODEL naming the location.
  ExternalBytes find(const drawbar_onnx::TensorProto& tensor);

 private:
  struct File;
  const File& open(const std::string& location);

  std::string folder_;
  std::map<std::string, std::shared_ptr<const File>> files_;
};

}  // namespace drawbar::onnx
