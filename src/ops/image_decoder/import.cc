#include <algorithm>

#include "import/onnx/node.h"
#include "ops/image_decoder/op.h"

namespace drawbar::onnx {

ONNX_OP(ImageDecoder) {
  const std::string text = node.text("pixel_format", "RGB");
  const auto& names = EnumNames<ops::PixelFormat>::names;
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model, "pixel_format is '{}', expected RGB, BGR or Grayscale", text);
  }
  node.replace_with(ops::ImageDecoder{static_cast<ops::PixelFormat>(found - std::begin(names))},
                    {node.input(0)});
}

}  // namespace drawbar::onnx
