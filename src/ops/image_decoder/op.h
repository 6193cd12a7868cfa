#pragma once

#include "ir/op.h"

namespace drawbar::ops {

enum class PixelFormat : uint8_t { rgb, bgr, grayscale };

/// encoded_stream [bytes] u8, an image file → image [height, width, 3] u8, or [height, width, 1]
/// for grayscale: (19595 R + 38470 G + 7471 B + 32768) / 65536, as ITU-R 601-2 has it. JPEG, PNG,
/// BMP, PNM, WebP, TIFF, JPEG 2000. A file that cannot be decoded is an error, not the empty image
/// that ONNX has in mind. Source: ONNX ImageDecoder-20.
struct ImageDecoder {
  static constexpr std::string_view name = "ImageDecoder";
  PixelFormat format = PixelFormat::rgb;
  void fields(auto&& field) { field("format", format); }
};

void infer(const ImageDecoder&, Infer&);
void reference(const ImageDecoder&, Evaluation&);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::PixelFormat> {
  static constexpr std::string_view names[] = {"RGB", "BGR", "Grayscale"};
};
