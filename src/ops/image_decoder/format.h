#pragma once

#include "base/error.h"
#include "ops/image_decoder/image.h"

namespace drawbar::ops {

/// One decoder per format: `bytes` begin as the format's files do.
void decode_bmp(std::string_view bytes, ImagePlace place);
void decode_pnm(std::string_view bytes, ImagePlace place);
void decode_jpeg(std::string_view bytes, ImagePlace place);
void decode_png(std::string_view bytes, ImagePlace place);
void decode_webp(std::string_view bytes, ImagePlace place);
void decode_tiff(std::string_view bytes, ImagePlace place);
void decode_jpeg2000(std::string_view bytes, ImagePlace place);

template <class... Args>
[[noreturn]] void bad_image(fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorCode::invalid_argument, "cannot read the image: {}",
       fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void unknown_image(fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorCode::unsupported, "cannot read the image: {}",
       fmt::format(format, std::forward<Args>(args)...));
}

/// Throws for sizes that no image may have; before any memory is taken.
void check_image_size(int64_t height, int64_t width);

}  // namespace drawbar::ops
