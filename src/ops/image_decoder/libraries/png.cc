#include <algorithm>
#include <cstring>
#include <png.h>
#include <vector>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {

void decode_png(std::string_view bytes, ImagePlace place) {
  png_image png;
  std::memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  struct Release {
    png_image& png;
    ~Release() { png_image_free(&png); }
  } release{png};
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    bad_image("PNG: {}", png.message);
  check_image_size(png.height, png.width);
  const bool alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  uint8_t* pixels = place(png.height, png.width);
  // Alpha is asked for so that it can be dropped; libpng would blend it.
  png.format = alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  std::vector<uint8_t> rgba(alpha ? PNG_IMAGE_SIZE(png) : 0);
  if (!png_image_finish_read(&png, nullptr, alpha ? rgba.data() : pixels, 0, nullptr))
    bad_image("PNG: {}", png.message);
  for (size_t p = 0; p < rgba.size() / 4; ++p) std::copy_n(rgba.data() + 4 * p, 3, pixels + 3 * p);
}

}  // namespace drawbar::ops
