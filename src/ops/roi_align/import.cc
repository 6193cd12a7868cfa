#include "import/onnx/node.h"
#include "ops/roi_align/op.h"

namespace drawbar::onnx {

ONNX_OP(RoiAlign) {
  ops::RoiAlign op{.output_height = node.integer("output_height", 1),
                   .output_width = node.integer("output_width", 1),
                   .sampling_ratio = node.integer("sampling_ratio", 0),
                   .spatial_scale = static_cast<float>(node.number("spatial_scale", 1))};
  const std::string mode = node.text("mode", "avg");
  if (mode != "avg" && mode != "max") {
    fail(ErrorCode::invalid_model, "mode is '{}', expected avg or max", mode);
  }
  op.maximum = mode == "max";
  const std::string transform = node.opset() < 16
                                    ? "output_half_pixel"
                                    : node.text("coordinate_transformation_mode", "half_pixel");
  if (transform != "half_pixel" && transform != "output_half_pixel") {
    fail(ErrorCode::invalid_model,
         "coordinate_transformation_mode is '{}', expected half_pixel or output_half_pixel",
         transform);
  }
  op.half_pixel = transform == "half_pixel";
  node.replace_with(op, node.all_inputs());
}

ONNX_OP(MaxRoiPool) {
  const std::vector<int64_t> shape = node.integers("pooled_shape");
  if (shape.size() != 2) {
    fail(ErrorCode::invalid_model, "pooled_shape has {} numbers, expected 2", shape.size());
  }
  node.replace_with(
      ops::MaxRoiPool{shape[0], shape[1], static_cast<float>(node.number("spatial_scale", 1))},
      node.all_inputs());
}

}  // namespace drawbar::onnx
