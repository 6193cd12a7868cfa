#include "ops/image_decoder/op.h"

#include <utility>

#include "ops/image_decoder/image.h"

namespace drawbar::ops {

DRAWBAR_OP(ImageDecoder);

void infer(const ImageDecoder& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (context.element(0) != ElementType::u8) {
    fail(ErrorCode::invalid_model, "encoded_stream is {}, expected u8", name(context.element(0)));
  }
  context.expect_rank(0, 1, "encoded_stream");
  const Dim height = context.fresh("height", 65535), width = context.fresh("width", 65535);
  context.output(0, ElementType::u8, {height, width, op.format == PixelFormat::grayscale ? 1 : 3});
}

void reference(const ImageDecoder& op, Evaluation& e) {
  const Tensor& stream = e.input(0);
  const std::string_view bytes(static_cast<const char*>(stream.raw()),
                               static_cast<size_t>(stream.size()));
  e.checkpoint();
  const bool grayscale = op.format == PixelFormat::grayscale;
  Tensor* image = nullptr;
  Tensor colours;  // of a grayscale image
  decode_image(bytes, [&](int64_t height, int64_t width) {
    image = &e.output(0, ElementType::u8, {height, width, grayscale ? 1 : 3});
    if (grayscale) colours = Tensor::allocate(ElementType::u8, {height, width, 3});
    return (grayscale ? colours : *image).data<uint8_t>();
  });
  if (op.format == PixelFormat::bgr) {
    auto* pixels = image->data<uint8_t>();
    for (int64_t i = 0; i < image->size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
  }
  if (!grayscale) return;
  const auto* rgb = colours.data<uint8_t>();
  for (uint8_t& grey : image->values<uint8_t>()) {
    grey = static_cast<uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
    rgb += 3;
  }
}

}  // namespace drawbar::ops
