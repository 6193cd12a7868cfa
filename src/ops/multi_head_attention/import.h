#pragma once

#include "import/onnx/node.h"

namespace drawbar::onnx {

// What the translations of com.microsoft's attention operators build from.

ValueId integers(OnnxNode& node, std::vector<int64_t> values);  // an i64 constant
ValueId reshaped(OnnxNode& node, ValueId x, std::vector<int64_t> shape);
/// [B, rows, heads · size] → [B, rows, heads, size].
ValueId split_heads(OnnxNode& node, ValueId x, int64_t heads);
/// Exchanges rows and heads.
ValueId heads_first(OnnxNode& node, ValueId x);
std::vector<ValueId> split(OnnxNode& node, ValueId x, int64_t axis, std::vector<int64_t> sizes);

/// An attribute that counts heads: at least 1.
int64_t head_count(const OnnxNode& node, std::string_view attribute);
/// The type of a ranked input; UNSUPPORTED where the rank is not known.
TensorType ranked_type(const OnnxNode& node, ValueId x, std::string_view what);
/// A dimension that must be a number; UNSUPPORTED otherwise.
int64_t known_dim(const TensorType& type, size_t axis, std::string_view what);

}  // namespace drawbar::onnx
