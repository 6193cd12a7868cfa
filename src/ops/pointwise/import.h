#pragma once

#include "import/onnx/node.h"
#include "ops/pointwise/op.h"

namespace drawbar::onnx {

/// x after the activation that com.microsoft's fused operators name in `activation`, with its
/// parameters in `activation_params` or `activation_alpha`, `activation_beta`; x itself where none
/// is named. Throws UNSUPPORTED for an unknown name.
ValueId activated(OnnxNode& node, ValueId x);

}  // namespace drawbar::onnx
