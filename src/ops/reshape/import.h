#pragma once

#include "import/onnx/node.h"

namespace drawbar::onnx {

/// x reshaped as ONNX's Reshape reads `shape`: 0 keeps a dimension, -1 is what remains.
ValueId reshaped(OnnxNode& node, ValueId x, const std::vector<int64_t>& shape);

}  // namespace drawbar::onnx
