#pragma once

#include <string_view>

#include "base/tensor.h"

namespace drawbar::onnx {

/// A value of ONNX test data: a TensorProto, SequenceProto, OptionalProto or MapProto, as `kind`
/// says. An optional without a value is a compound without elements. Throws INVALID_ARGUMENT on
/// damaged bytes.
Tensor parse_value(std::string_view bytes, Tensor::Kind kind);

}  // namespace drawbar::onnx
