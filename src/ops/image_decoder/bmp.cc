#include <cstdlib>
#include <cstring>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {

void decode_bmp(std::string_view bytes, ImagePlace place) {
  const auto number = [&](size_t at, int width) {
    uint32_t value = 0;
    if (bytes.size() < 4 || at > bytes.size() - 4) bad_image("truncated BMP");
    std::memcpy(&value, bytes.data() + at, static_cast<size_t>(width));
    return value;
  };
  const uint32_t start = number(10, 4), header = number(14, 4);
  const int64_t width = static_cast<int32_t>(number(18, 4));
  const int64_t rows = static_cast<int32_t>(number(22, 4));  // negative: from the top
  const uint32_t depth = number(28, 2), compression = number(30, 4);
  if (header < 40 || (depth != 24 && depth != 32 && depth != 8) ||
      (compression != 0 && !(compression == 3 && depth == 32))) {
    unknown_image("only uncompressed BMP of 8, 24 or 32 bits is read, not of {} bits", depth);
  }
  const int64_t height = std::abs(rows);
  check_image_size(height, width);
  const size_t step = depth / 8, row = (static_cast<size_t>(width) * step + 3) / 4 * 4;
  if (start > bytes.size() || row * static_cast<size_t>(height) > bytes.size() - start)
    bad_image("truncated BMP");
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t palette = 14 + size_t{header};
  uint8_t* to = place(height, width);
  for (int64_t y = 0; y < height; ++y) {
    const uint8_t* from = data + start + row * static_cast<size_t>(rows > 0 ? height - 1 - y : y);
    for (int64_t x = 0; x < width; ++x, from += step, to += 3) {
      const uint8_t* bgr = from;
      if (depth == 8) {
        const size_t entry = palette + 4 * static_cast<size_t>(*from);
        if (entry + 4 > bytes.size()) bad_image("BMP palette");
        bgr = data + entry;
      }
      to[0] = bgr[2];
      to[1] = bgr[1];
      to[2] = bgr[0];
    }
  }
}

}  // namespace drawbar::ops
