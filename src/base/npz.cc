#include "base/npz.h"

#include <algorithm>
#include <cstring>

#include "base/inflate.h"
#include "base/npy.h"

// The archive's layout is that of PKWARE's APPNOTE.TXT 6.3: a directory at the end of the file
// names every member and where its local header is; zip64 keeps what 32 bits cannot.
namespace drawbar {
namespace {

constexpr size_t end_size = 22, directory_size = 46, local_size = 30, locator_size = 20,
                 end64_size = 56;
constexpr size_t most_arrays = 4096;
constexpr uint64_t in_zip64 = 0xffffffff;

template <class... Args>
[[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorCode::invalid_argument, "not a usable .npz file: {}",
       fmt::format(format, std::forward<Args>(args)...));
}

/// A number of `size` bytes, little-endian, at an offset that need not be inside.
uint64_t number(std::string_view bytes, size_t at, size_t size) {
  if (at > bytes.size() || bytes.size() - at < size) bad("truncated at byte {}", bytes.size());
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

bool has_signature(std::string_view bytes, size_t at, std::string_view signature) {
  return at <= bytes.size() && bytes.substr(at, 4) == signature;
}

/// The 64-bit numbers that replace those of `fields` that do not fit.
void read_zip64(std::string_view extra, std::initializer_list<uint64_t*> fields) {
  for (size_t at = 0; extra.size() - at >= 4;) {
    const uint64_t id = number(extra, at, 2), size = number(extra, at + 2, 2);
    at += 4;
    if (size > extra.size() - at) break;
    if (id == 1) {
      const std::string_view numbers = extra.substr(at, size);
      size_t next = 0;
      for (uint64_t* field : fields) {
        if (*field != in_zip64) continue;
        *field = number(numbers, next, 8);
        next += 8;
      }
      return;
    }
    at += size;
  }
}

}  // namespace

Npz::Npz(const std::string& path) : path_(path) {
  bytes_ = file_.emplace_back(path).bytes();
  try {
    read_directory();
  } catch (const Error& error) {
    throw error.at(path);
  }
}

Npz Npz::parse(std::string_view bytes) {
  Npz npz;
  npz.bytes_ = bytes;
  npz.read_directory();
  return npz;
}

void Npz::read_directory() {
  if (bytes_.size() < end_size) bad("{} bytes are no zip archive", bytes_.size());
  // The end record is the last; a comment of up to 64 KiB may follow it.
  const size_t searched = std::min<size_t>(bytes_.size(), end_size + 0xffff);
  const size_t found = bytes_.substr(bytes_.size() - searched).rfind("PK\5\6");
  if (found == std::string_view::npos) bad("a zip archive's end record is missing");
  const size_t end = bytes_.size() - searched + found;
  if (bytes_.size() - end < end_size) bad("truncated at byte {}", bytes_.size());
  uint64_t count = number(bytes_, end + 10, 2), at = number(bytes_, end + 16, 4);
  if (end >= locator_size && has_signature(bytes_, end - locator_size, "PK\6\7")) {
    const uint64_t end64 = number(bytes_, end - locator_size + 8, 8);
    if (end64 > end || end - end64 < end64_size || !has_signature(bytes_, end64, "PK\6\6"))
      bad("the zip64 end record is not at byte {}", end64);
    count = number(bytes_, end64 + 32, 8);
    at = number(bytes_, end64 + 48, 8);
  }
  if (count > most_arrays) bad("{} arrays, expected at most {}", count, most_arrays);
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (!has_signature(bytes_, at, "PK\1\2")) bad("no directory entry at byte {}", at);
    const uint64_t entry = at, flags = number(bytes_, at + 8, 2);
    uint64_t packed = number(bytes_, at + 20, 4), unpacked = number(bytes_, at + 24, 4),
             header = number(bytes_, at + 42, 4);
    const uint64_t name_size = number(bytes_, at + 28, 2), extra_size = number(bytes_, at + 30, 2),
                   comment_size = number(bytes_, at + 32, 2);
    const uint64_t tail = at + directory_size;
    if (tail > bytes_.size() || name_size + extra_size > bytes_.size() - tail)
      bad("truncated at byte {}", bytes_.size());
    std::string name(bytes_.substr(tail, name_size));
    read_zip64(bytes_.substr(tail + name_size, extra_size), {&unpacked, &packed, &header});
    at = tail + name_size + extra_size + comment_size;
    if (!name.ends_with(".npy")) bad("'{:.80}' is no .npy file", name);
    name.resize(name.size() - 4);
    if (flags & 1) bad("array '{:.80}' is encrypted", name);
    if (unpacked > static_cast<uint64_t>(most_bytes) ||
        (total += unpacked) > static_cast<uint64_t>(most_bytes)) {
      bad("array '{:.80}': more than {} bytes in all once unpacked", name, most_bytes);
    }
    if (std::find(names_.begin(), names_.end(), name) != names_.end())
      bad("array '{:.80}' is there twice", name);
    entries_.push_back({header, static_cast<uint32_t>(number(bytes_, entry + 10, 2)),
                        static_cast<uint32_t>(number(bytes_, entry + 16, 4)), packed, unpacked});
    names_.push_back(std::move(name));
  }
}

std::string_view Npz::packed_bytes(const Entry& entry) const {
  if (entry.header > bytes_.size() || !has_signature(bytes_, entry.header, "PK\3\4"))
    bad("no local header at byte {}", entry.header);
  const size_t data = entry.header + local_size + number(bytes_, entry.header + 26, 2) +
                      number(bytes_, entry.header + 28, 2);
  if (data > bytes_.size() || entry.packed > bytes_.size() - data)
    bad("truncated: {} bytes at byte {}", entry.packed, data);
  return bytes_.substr(data, entry.packed);
}

Tensor Npz::read(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  const std::string prefix = path_.empty() ? "" : path_ + ": ";
  if (found == names_.end()) fail(ErrorCode::invalid_argument, "{}no array '{}'", prefix, name);
  const Entry& entry = entries_[static_cast<size_t>(found - names_.begin())];
  try {
    std::string_view bytes = packed_bytes(entry);
    std::string unpacked;
    if (entry.method == 8) {
      bytes = unpacked = inflate_bytes(bytes, entry.unpacked);
    } else if (entry.method != 0 || entry.packed != entry.unpacked) {
      bad("zip method {}, expected 0 (stored) or 8 (deflated)", entry.method);
    }
    if (crc32(bytes) != entry.checksum) bad("its checksum is wrong");
    return parse_npy(bytes);
  } catch (const Error& error) {
    const ErrorCode code =
        error.code() == ErrorCode::invalid_model ? ErrorCode::invalid_argument : error.code();
    throw Error(code, fmt::format("{}array '{:.80}': {}", prefix, name, error.message()));
  }
}

}  // namespace drawbar
