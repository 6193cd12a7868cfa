#include "import/onnx/node.h"
#include "ops/stft/op.h"

namespace drawbar::onnx {

ONNX_OP(STFT) { node.replace_with(ops::Stft{node.integer("onesided", 1) != 0}, node.all_inputs()); }

}  // namespace drawbar::onnx
