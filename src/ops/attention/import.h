#pragma once

#include "import/onnx/node.h"

namespace drawbar::onnx {

// What translations of attention operators build from.

/// [B, rows, heads · size] → [B, rows, heads, size].
ValueId split_heads(OnnxNode& node, ValueId x, int64_t heads);
/// Exchanges rows and heads.
ValueId heads_first(OnnxNode& node, ValueId x);
/// An attribute that counts heads: at least 1.
int64_t head_count(const OnnxNode& node, std::string_view attribute);

}  // namespace drawbar::onnx
