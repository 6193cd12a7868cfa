#include "base/tfrecord.h"

#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/inflate.h"

namespace drawbar {
namespace {

constexpr size_t head_size = 12, tail_size = 4;

uint32_t masked(std::string_view bytes) {
  const uint32_t sum = crc32c(bytes);
  return (sum >> 15 | sum << 17) + 0xa282ead8U;
}

template <class T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// A protobuf message's fields, one after the other (the wire format of protobuf.dev).
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  uint64_t number = 0, value = 0;  // value: of a varint
  uint64_t type = 0;
  std::string_view bytes;  // of a field with a length

  bool next() {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    number = key >> 3;
    type = key & 7;
    switch (type) {
      case 0:
        value = varint();
        return true;
      case 1:
        bytes = take(8);
        return true;
      case 2:
        bytes = take(varint());
        return true;
      case 5:
        bytes = take(4);
        return true;
      default:
        fail(ErrorCode::invalid_argument, "no tf.train.Example: wire type {}", type);
    }
  }

  uint64_t varint() {
    uint64_t result = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    fail(ErrorCode::invalid_argument, "no tf.train.Example: a number of more than 64 bits");
  }

 private:
  std::string_view take(uint64_t size) {
    if (size > rest_.size())
      fail(ErrorCode::invalid_argument, "no tf.train.Example: a field of {} bytes, {} are left",
           size, rest_.size());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

/// The one field of a message that has a length and this number; the last one where there are more.
std::optional<std::string_view> field(std::string_view message, uint64_t number) {
  std::optional<std::string_view> found;
  for (Fields fields(message); fields.next();) {
    if (fields.number == number && fields.type == 2) found = fields.bytes;
  }
  return found;
}

std::optional<int64_t> first_integer(std::string_view list) {
  for (Fields fields(list); fields.next();) {
    if (fields.number != 1) continue;
    if (fields.type == 0) return static_cast<int64_t>(fields.value);
    if (fields.type == 2 && !fields.bytes.empty())
      return static_cast<int64_t>(Fields(fields.bytes).varint());
  }
  return std::nullopt;
}

}  // namespace

TfRecords::TfRecords(const std::string& path) : path_(path) {
  bytes_ = file_.emplace_back(path).bytes();
  index();
}

TfRecords TfRecords::parse(std::string_view bytes) {
  TfRecords records;
  records.bytes_ = bytes;
  records.index();
  return records;
}

void TfRecords::index() {
  for (size_t at = 0; at < bytes_.size();) {
    const size_t left = bytes_.size() - at;
    const auto bad = [&](std::string_view what) {
      fail(ErrorCode::invalid_argument, "{}{}record at byte {}: {}", path_,
           path_.empty() ? "" : ": ", at, what);
    };
    if (left < head_size) bad(fmt::format("truncated, {} bytes are left", left));
    const auto length = load<uint64_t>(bytes_, at);
    if (load<uint32_t>(bytes_, at + 8) != masked(bytes_.substr(at, 8)))
      bad("its length's checksum is wrong");
    if (left - head_size < tail_size || length > left - head_size - tail_size)
      bad(fmt::format("truncated, it says {} bytes and {} are left", length, left - head_size));
    offsets_.push_back(at);
    at += head_size + length + tail_size;
  }
}

std::string_view TfRecords::record(size_t i) const {
  const size_t at = offsets_[i];
  const auto length = load<uint64_t>(bytes_, at);
  const std::string_view data = bytes_.substr(at + head_size, length);
  if (load<uint32_t>(bytes_, at + head_size + length) != masked(data)) {
    fail(ErrorCode::invalid_argument, "{}{}record at byte {}: its data's checksum is wrong", path_,
         path_.empty() ? "" : ": ", at);
  }
  return data;
}

ImageExample parse_image_example(std::string_view record, bool with_label) {
  ImageExample result;
  bool has_image = false, has_label = false;
  const std::string_view features = field(record, 1).value_or("");
  for (Fields entries(features); entries.next();) {
    if (entries.number != 1 || entries.type != 2) continue;
    const std::string_view key = field(entries.bytes, 1).value_or(""),
                           feature = field(entries.bytes, 2).value_or("");
    if (key == "image/encoded") {
      const auto list = field(feature, 1);
      const auto bytes = list ? field(*list, 1) : std::nullopt;
      if (!bytes) fail(ErrorCode::invalid_argument, "feature image/encoded holds no bytes");
      result.encoded = *bytes;
      has_image = true;
    } else if (key == "image/class/label") {
      const auto list = field(feature, 3);
      const auto label = list ? first_integer(*list) : std::nullopt;
      if (!label) fail(ErrorCode::invalid_argument, "feature image/class/label holds no integer");
      result.label = *label;
      has_label = true;
    }
  }
  if (!has_image) fail(ErrorCode::invalid_argument, "feature image/encoded is missing");
  if (with_label && !has_label)
    fail(ErrorCode::invalid_argument, "feature image/class/label is missing");
  return result;
}

}  // namespace drawbar
