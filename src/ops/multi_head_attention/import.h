#pragma once

#include "ops/attention/import.h"
#include "ops/reshape/import.h"

namespace drawbar::onnx {

// What the translations of com.microsoft's attention operators build from besides.

std::vector<ValueId> split(OnnxNode& node, ValueId x, int64_t axis, std::vector<int64_t> sizes);

/// The type of a ranked input; UNSUPPORTED where the rank is not known.
TensorType ranked_type(const OnnxNode& node, ValueId x, std::string_view what);
/// A dimension that must be a number; UNSUPPORTED otherwise.
int64_t known_dim(const TensorType& type, size_t axis, std::string_view what);

}  // namespace drawbar::onnx
