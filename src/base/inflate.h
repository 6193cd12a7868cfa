#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drawbar {

/// What a raw deflate stream (RFC 1951) holds: exactly `size` bytes, whose memory is taken at once;
/// a size that the stream is too short for is refused before. Throws INVALID_ARGUMENT where the
/// stream is broken or longer, UNSUPPORTED in a build without zlib (DRAWBAR_ZLIB). Thread-safe.
std::string inflate_bytes(std::string_view packed, size_t size);

/// The checksum of zip files (CRC-32, IEEE 802.3) and that of TFRecords (CRC-32C, Castagnoli).
uint32_t crc32(std::string_view bytes);
uint32_t crc32c(std::string_view bytes);

}  // namespace drawbar
