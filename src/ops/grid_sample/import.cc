#include "import/onnx/node.h"
#include "ops/grid_sample/op.h"

namespace drawbar::onnx {

namespace {

void import_grid_sample(OnnxNode& node) {
  std::string mode = node.text("mode", node.opset() < 20 ? "bilinear" : "linear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  ops::GridSample op{.align_corners = node.integer("align_corners", 0) != 0};
  attribute::decode("mode", mode, op.mode);
  attribute::decode("padding_mode", node.text("padding_mode", "zeros"), op.padding);
  node.replace_with(op, node.all_inputs());
}

}  // namespace

ONNX_OP(GridSample) { import_grid_sample(node); }
ONNX_MICROSOFT_OP(GridSample) { import_grid_sample(node); }

ONNX_OP(AffineGrid) {
  node.replace_with(ops::AffineGrid{node.integer("align_corners", 0) != 0}, node.all_inputs());
}

}  // namespace drawbar::onnx
