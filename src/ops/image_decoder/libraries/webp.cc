#include <webp/decode.h>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {

void decode_webp(std::string_view bytes, ImagePlace place) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
    bad_image("WebP: damaged or truncated header");
  if (features.has_animation) unknown_image("WebP: it is an animation");
  check_image_size(features.height, features.width);
  uint8_t* pixels = place(features.height, features.width);
  const size_t row = static_cast<size_t>(features.width) * 3;
  if (!WebPDecodeRGBInto(data, bytes.size(), pixels, row * static_cast<size_t>(features.height),
                         static_cast<int>(row)))
    bad_image("WebP: damaged or truncated");
}

}  // namespace drawbar::ops
