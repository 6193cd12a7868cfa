#pragma once

#include <span>
#include <string_view>

#include "import/onnx/node.h"

namespace drawbar::onnx {

/// What a scale multiplies or divides by.
enum class ScaleUse : uint8_t {
  dividing,     // of what is quantised: above 0
  multiplying,  // of what is dequantised: any number; 0 and below occur in files, for blocks of
                // zeros and where the farthest number is the lowest one
};

/// Throws INVALID_MODEL naming the input where a constant scale holds another number, infinity or
/// not-a-number.
void check_scale(const OnnxNode& node, size_t input, std::string_view what, ScaleUse use);

/// Of a QLinear operator whose inputs are named so, up to y_zero_point: throws INVALID_MODEL where
/// one is missing (without y's the operator gives f32, which files cannot say), or for a scale:
/// those of activations divide somewhere.
void check_linear_inputs(const OnnxNode& node, std::span<const std::string_view> names);

}  // namespace drawbar::onnx
