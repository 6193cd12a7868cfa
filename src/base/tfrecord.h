#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace drawbar {

/// A file of TensorFlow's records: each its length (u64), that length's checksum, the data and the
/// data's checksum (u32, CRC-32C rotated by 15 bits and added to). Opening reads the lengths alone
/// and checks their sums; a record's pages are read when it is asked for, and its sum checked then.
/// Errors are INVALID_ARGUMENT and name the file and the byte the record begins at. Reading is
/// thread-safe.
class TfRecords {
 public:
  explicit TfRecords(const std::string& path);
  static TfRecords parse(std::string_view bytes);  // which must outlive this

  size_t size() const { return offsets_.size(); }
  size_t offset(size_t i) const { return offsets_[i]; }
  std::string_view record(size_t i) const;

 private:
  TfRecords() = default;
  void index();

  std::vector<MappedFile> file_;  // one or none
  std::string path_;
  std::string_view bytes_;
  std::vector<size_t> offsets_;
};

/// What a tf.train.Example of ImageNet's layout holds. Views into the record.
struct ImageExample {
  std::string_view encoded;  // image/encoded: a file's bytes
  int64_t label = 0;         // image/class/label: counted from 1
};
/// Throws INVALID_ARGUMENT naming the feature that is missing, of another type, or the message that
/// is broken. `with_label` false leaves the label 0 where there is none.
ImageExample parse_image_example(std::string_view record, bool with_label);

}  // namespace drawbar
