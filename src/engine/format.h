#pragma once

#include <cstdint>

#include "base/hash.h"

namespace drawbar::engine_format {

/// The first 64 bytes of an engine, little-endian. docs/engine-format.md is the specification.
struct Header {
  char magic[8];  // "DRAWBAR" and 0x1a
  uint32_t version;
  uint32_t header_bytes;  // 64
  uint64_t file_bytes;
  uint64_t manifest_offset;  // of the JSON manifest, which ends the file
  uint64_t manifest_bytes;
  Hash manifest_hash;
  uint64_t header_hash;  // low half of the hash of the 56 bytes before
};
static_assert(sizeof(Header) == 64);

inline constexpr char magic[8] = {'D', 'R', 'A', 'W', 'B', 'A', 'R', 0x1a};
inline constexpr uint32_t version = 1;
inline constexpr uint64_t alignment = 64;

}  // namespace drawbar::engine_format
