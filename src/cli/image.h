#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbar::cli {

/// 8-bit RGB, rows from the top.
struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels;

  uint8_t* at(int x, int y) {
    return pixels.data() +
           (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) * 3;
  }
  const uint8_t* at(int x, int y) const { return const_cast<Image*>(this)->at(x, y); }
};

/// A file that ops::decode_image reads; what that throws names the file here.
Image read_image(const std::string& path);
/// A file's bytes likewise; `place` is what errors name.
Image decode_image(std::string_view bytes, const std::string& place);

/// Bilinear with the kernel widened when shrinking, each pass rounded to 8 bits: Pillow's
/// Image.resize(BILINEAR), to within one step.
Image resize(const Image& image, int width, int height);

}  // namespace drawbar::cli
