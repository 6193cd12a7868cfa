#include "import/onnx/node.h"
#include "ops/mel_weights/op.h"

namespace drawbar::onnx {

ONNX_OP(MelWeightMatrix) {
  node.replace_with(ops::MelWeightMatrix{node.element_type("output_datatype", ElementType::f32)},
                    node.inputs_padded(5));
}

}  // namespace drawbar::onnx
