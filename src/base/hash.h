#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drawbar {

/// A 128-bit content hash (XXH3): finds damage and equal contents, no protection against forgery.
struct Hash {
  uint64_t high = 0, low = 0;
  bool operator==(const Hash&) const = default;
  auto operator<=>(const Hash&) const = default;
  std::string hex() const;                                     // 32 digits
  static std::optional<Hash> from_hex(std::string_view text);  // the inverse
};

Hash hash_bytes(const void* data, size_t bytes, uint64_t seed = 0);
inline Hash hash_bytes(std::string_view text) { return hash_bytes(text.data(), text.size()); }

}  // namespace drawbar
