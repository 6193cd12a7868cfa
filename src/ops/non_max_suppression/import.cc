#include "import/onnx/node.h"
#include "ops/non_max_suppression/op.h"

namespace drawbar::onnx {

ONNX_OP(NonMaxSuppression) {
  const int64_t center = node.integer("center_point_box", 0);
  if (center != 0 && center != 1) {
    fail(ErrorCode::invalid_model, "center_point_box is {}, expected 0 or 1", center);
  }
  node.replace_with(ops::NonMaxSuppression{center == 1}, node.all_inputs());
}

}  // namespace drawbar::onnx
