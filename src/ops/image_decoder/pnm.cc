#include <algorithm>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// The numbers of a header, and of the plain (ASCII) kinds. '#' begins a comment.
class Text {
 public:
  explicit Text(std::string_view bytes) : bytes_(bytes) {}

  int64_t number(int64_t most) {
    skip();
    int64_t value = 0;
    size_t digits = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_, ++digits) {
      value = value * 10 + (bytes_[at_] - '0');
      if (value > most) bad_image("PNM has the number {}, expected at most {}", value, most);
    }
    if (digits == 0 && at_ == bytes_.size()) bad_image("truncated PNM");
    if (digits == 0) bad_image("PNM lacks a number");
    return value;
  }
  /// One digit, 0 or 1: those of plain PBM need no space between them.
  int64_t bit() {
    skip();
    if (at_ == bytes_.size()) bad_image("truncated PNM");
    const char c = bytes_[at_++];
    if (c != '0' && c != '1') bad_image("PBM has a character that is neither 0 nor 1");
    return c - '0';
  }
  /// What follows the one space behind the header.
  std::string_view raster() {
    if (at_ == bytes_.size()) bad_image("truncated PNM");
    return bytes_.substr(at_ + 1);
  }

 private:
  void skip() {
    for (; at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#'); ++at_) {
      if (bytes_[at_] == '#') at_ = std::min(bytes_.find('\n', at_), bytes_.size() - 1);
    }
  }

  std::string_view bytes_;
  size_t at_ = 2;
};

}  // namespace

void decode_pnm(std::string_view bytes, ImagePlace place) {
  const char kind = bytes[1];
  const bool plain = kind <= '3', bitmap = kind == '1' || kind == '4';
  const bool grey = kind == '2' || kind == '5';
  Text text(bytes);
  const int64_t width = text.number(INT32_MAX), height = text.number(INT32_MAX);
  const int64_t most = bitmap ? 1 : text.number(65535);
  if (most == 0) bad_image("PNM has samples of at most 0");
  check_image_size(height, width);
  const int64_t channels = bitmap || grey ? 1 : 3, samples = width * channels;
  const int64_t row = bitmap ? (width + 7) / 8 : samples * (most > 255 ? 2 : 1);
  const std::string_view raster = plain ? std::string_view() : text.raster();
  // A sample of the plain kinds takes at least one byte.
  if (plain ? static_cast<int64_t>(bytes.size()) < samples * height
            : static_cast<int64_t>(raster.size()) < row * height)
    bad_image("truncated PNM");
  uint8_t* to = place(height, width);
  const auto* from = reinterpret_cast<const uint8_t*>(raster.data());
  const auto sample = [&](int64_t i) -> int64_t {
    if (bitmap) return plain ? 1 - text.bit() : 1 - (from[i / 8] >> (7 - i % 8) & 1);
    if (plain) return text.number(most);
    return std::min<int64_t>(most > 255 ? from[2 * i] * 256 + from[2 * i + 1] : from[i], most);
  };
  for (int64_t y = 0; y < height; ++y, from += row) {
    for (int64_t i = 0; i < samples; ++i) {
      const auto value = static_cast<uint8_t>((sample(i) * 255 + most / 2) / most);
      if (channels == 3) {
        *to++ = value;
      } else {
        to = std::fill_n(to, 3, value);
      }
    }
  }
}

}  // namespace drawbar::ops
