#pragma once

#include "import/onnx/external_data.h"
#include "import/onnx/onnx.pb.h"
#include "ir/constant.h"

namespace drawbar::onnx {

/// Of a TensorProto.DataType. Throws UNSUPPORTED for types we lack, INVALID_MODEL for no type.
ElementType element_type(int32_t data_type);

/// The elements of a tensor message: raw, typed or external. Large raw data is taken out of the
/// message, external data is mapped; the rest is copied. Throws INVALID_MODEL when the data is not
/// as long as the shape says, before anything is allocated. Formats: ONNX IR, "TensorProto".
Tensor take_tensor(drawbar_onnx::TensorProto& proto, ExternalData& external);
/// The same, leaving the message as it is.
Tensor read_tensor(const drawbar_onnx::TensorProto& proto, ExternalData& external);

/// A sparse tensor as a dense one, of at most 64 MiB or a hundred times the bytes given.
Tensor read_sparse_tensor(const drawbar_onnx::SparseTensorProto& proto, ExternalData& external);

/// An initializer. One without data whose doc_string says `fill normal MEAN DEVIATION` or
/// `fill constant VALUE` is only described, drawn from the CRC-32 of its name.
ConstantPtr take_constant(drawbar_onnx::TensorProto& proto, ExternalData& external);

}  // namespace drawbar::onnx
