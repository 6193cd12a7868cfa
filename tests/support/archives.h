#pragma once

#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

#include "base/inflate.h"
#include "base/mapped_file.h"
#include "base/npy.h"

namespace drawbar::archives {

inline std::string number(uint64_t value, size_t size) {
  return {reinterpret_cast<const char*>(&value), size};
}

/// The file that write_npy writes.
inline std::string npy(const Tensor& tensor) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("array_{}.npy", getpid())).string();
  write_npy(path, tensor);
  std::string bytes(MappedFile(path).bytes());
  std::filesystem::remove(path);
  return bytes;
}

struct Member {
  std::string name, bytes;
  uint64_t unpacked = bytes.size();
  uint32_t method = 0, flags = 0;
  uint32_t checksum = crc32(bytes);
  bool zip64 = false;
};

/// An archive as Python's zipfile writes it.
inline std::string archive(const std::vector<Member>& members) {
  std::string bytes, directory;
  for (const Member& member : members) {
    const std::string sizes = number(member.bytes.size(), 4) + number(member.unpacked, 4);
    const std::string common = number(20, 2) + number(member.flags, 2) + number(member.method, 2) +
                               number(0, 4) + number(member.checksum, 4);
    const std::string extra = member.zip64
                                  ? number(1, 2) + number(16, 2) + number(member.unpacked, 8) +
                                        number(member.bytes.size(), 8)
                                  : "";
    const std::string lengths = number(member.name.size(), 2) + number(extra.size(), 2);
    directory += "PK\1\2" + number(20, 2) + common +
                 (member.zip64 ? number(~uint64_t{0}, 8) : sizes) + lengths + number(0, 8) +
                 number(0, 2) + number(bytes.size(), 4) + member.name + extra;
    bytes += "PK\3\4" + common + sizes + number(member.name.size(), 2) + number(0, 2) +
             member.name + member.bytes;
  }
  const size_t start = bytes.size();
  return bytes + directory + "PK\5\6" + number(0, 4) + number(members.size(), 2) +
         number(members.size(), 2) + number(directory.size(), 4) + number(start, 4) + number(0, 2);
}

/// A record with its length and checksums.
inline std::string framed(const std::string& data) {
  const auto masked = [](const std::string& bytes) {
    const uint32_t sum = crc32c(bytes);
    return number((sum >> 15 | sum << 17) + 0xa282ead8U, 4);
  };
  const std::string length = number(data.size(), 8);
  return length + masked(length) + data + masked(data);
}

/// A protobuf field with a length.
inline std::string field(int tag, const std::string& bytes) {
  std::string head{static_cast<char>(tag << 3 | 2)};
  size_t size = bytes.size();
  for (; size >= 128; size >>= 7) head += static_cast<char>(size | 128);
  return head + static_cast<char>(size) + bytes;
}

/// An entry of an Example's features; kind 1: bytes, 3: integers.
inline std::string feature(const std::string& key, int kind, const std::string& list) {
  return field(1, field(1, key) + field(2, field(kind, list)));
}

}  // namespace drawbar::archives
