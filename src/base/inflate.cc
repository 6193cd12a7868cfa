#include "base/inflate.h"

#include <algorithm>
#include <array>

#include "base/error.h"

#ifdef DRAWBAR_ZLIB
#include <climits>
#include <zlib.h>
#endif

namespace drawbar {
namespace {

/// What a byte does to a checksum, by the polynomial with its bits reversed.
constexpr std::array<uint32_t, 256> table_of(uint32_t polynomial) {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ polynomial : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr auto ieee = table_of(0xedb88320), castagnoli = table_of(0x82f63b78);

uint32_t checksum(std::string_view bytes, const std::array<uint32_t, 256>& table) {
  uint32_t sum = ~uint32_t{0};
  for (char c : bytes) sum = sum >> 8 ^ table[(sum ^ static_cast<unsigned char>(c)) & 0xff];
  return ~sum;
}

}  // namespace

uint32_t crc32(std::string_view bytes) { return checksum(bytes, ieee); }
uint32_t crc32c(std::string_view bytes) { return checksum(bytes, castagnoli); }

#ifdef DRAWBAR_ZLIB
std::string inflate_bytes(std::string_view packed, size_t size) {
  constexpr size_t most_per_byte = 1032;  // deflate's best: 258 bytes for two bits
  if (size / most_per_byte > packed.size()) {
    fail(ErrorCode::invalid_argument, "{} bytes cannot be unpacked from {}", size, packed.size());
  }
  std::string result(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    fail(ErrorCode::resource_exhausted, "no memory to unpack a deflate stream");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  size_t in = packed.size(), out = size;
  int status = Z_OK;
  while (status == Z_OK) {  // zlib counts in 32 bits
    const auto in_now = static_cast<uInt>(std::min<size_t>(in, UINT_MAX));
    const auto out_now = static_cast<uInt>(std::min<size_t>(out, UINT_MAX));
    stream.avail_in = in_now;
    stream.avail_out = out_now;
    status = inflate(&stream, Z_NO_FLUSH);
    in -= in_now - stream.avail_in;
    out -= out_now - stream.avail_out;
    if (in_now == stream.avail_in && out_now == stream.avail_out) break;  // it wants what is not
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || out != 0)
    fail(ErrorCode::invalid_argument, "the deflate stream does not hold {} bytes", size);
  return result;
}
#else
std::string inflate_bytes(std::string_view, size_t) {
  fail(ErrorCode::unsupported, "deflated data: this build has no zlib");
}
#endif

}  // namespace drawbar
