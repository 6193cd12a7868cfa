#include "import/onnx/node.h"
#include "ops/cosine_window/op.h"

namespace drawbar::onnx {
namespace {

void import_window(OnnxNode& node, ops::WindowShape shape) {
  node.replace_with(ops::CosineWindow{shape, node.integer("periodic", 1) != 0,
                                      node.element_type("output_datatype", ElementType::f32)},
                    {node.input(0)});
}

}  // namespace

ONNX_OP(HannWindow) { import_window(node, ops::WindowShape::hann); }
ONNX_OP(HammingWindow) { import_window(node, ops::WindowShape::hamming); }
ONNX_OP(BlackmanWindow) { import_window(node, ops::WindowShape::blackman); }

}  // namespace drawbar::onnx
