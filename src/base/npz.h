#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/tensor.h"

namespace drawbar {

/// NumPy's .npz files: a zip archive of .npy files, stored or deflated (deflated ones need zlib,
/// DRAWBAR_ZLIB; without it they are UNSUPPORTED), with zip64 sizes where they are large. Encrypted
/// and split archives are refused. Arrays are read when asked for; the file stays mapped. Errors
/// are INVALID_ARGUMENT and name the array. Reading is thread-safe.
class Npz {
 public:
  /// The most bytes of all arrays together once unpacked; an archive that says more is refused.
  static constexpr int64_t most_bytes = int64_t{4} << 30;

  explicit Npz(const std::string& path);                            // errors name the file
  static Npz parse(std::string_view bytes);                         // which must outlive this
  const std::vector<std::string>& names() const { return names_; }  // in the archive's order
  Tensor read(std::string_view name) const;

 private:
  Npz() = default;

  struct Entry {
    size_t header = 0;  // offset of its local header
    uint32_t method = 0, checksum = 0;
    size_t packed = 0, unpacked = 0;
  };
  void read_directory();
  std::string_view packed_bytes(const Entry& entry) const;

  std::vector<MappedFile> file_;  // one or none
  std::string path_;
  std::string_view bytes_;
  std::vector<std::string> names_;
  std::vector<Entry> entries_;
};

}  // namespace drawbar
