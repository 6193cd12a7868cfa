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

#if defined(__x86_64__)
XXH128_hash_t hash_avx2(const void* data, size_t bytes, XXH64_hash_t seed);  // hash_avx2.cc
#endif

Hash hash_bytes(const void* data, size_t bytes, uint64_t seed) {
  XXH128_hash_t (*function)(const void*, size_t, XXH64_hash_t) = XXH3_128bits_withSeed;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) function = hash_avx2;
#endif
  const XXH128_hash_t hash = function(data, bytes, seed);
  return {hash.high64, hash.low64};
}

}  // namespace drawbar
