#include "base/hash.h"

#include <charconv>
#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace drawbar {

std::string Hash::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

std::optional<Hash> Hash::from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  Hash hash;
  const auto half = [](std::string_view digits, uint64_t& value) {
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size();
  };
  if (!half(text.substr(0, 16), hash.high) || !half(text.substr(16), hash.low)) return std::nullopt;
  return hash;
}

Hash hash_bytes(const void* data, size_t bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(data, bytes, seed);
  return {hash.high64, hash.low64};
}

}  // namespace drawbar
