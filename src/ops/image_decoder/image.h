#pragma once

#include <cstdint>
#include <string_view>

#include "base/threads.h"

namespace drawbar::ops {

inline constexpr int64_t largest_image = int64_t{1} << 28;  // pixels

/// Where decoded pixels go: called once, when the image's size is known and has been checked, it
/// gives memory for height * width * 3 bytes. It may throw.
using ImagePlace = FunctionRef<uint8_t*(int64_t height, int64_t width)>;

/// Decodes a file into 8-bit RGB, rows from the top: JPEG, PNG, BMP, PNM, WebP, TIFF or JPEG 2000,
/// found by its first bytes. Grey becomes three equal channels; alpha is dropped; deeper samples
/// are cut to 8 bits. Throws INVALID_ARGUMENT for damaged or truncated files and for images of more
/// than largest_image pixels, and UNSUPPORTED for kinds of a format that are not read. Builds
/// without image libraries (DRAWBAR_IMAGES) read BMP and PNM alone. Thread-safe.
void decode_image(std::string_view bytes, ImagePlace place);

}  // namespace drawbar::ops
