#pragma once

#include <string>
#include <string_view>

#include "base/tensor.h"

namespace drawbar {

/// NumPy's .npy files, versions 1 to 3, little-endian, C order. bf16 and smaller types have no
/// dtype of NumPy's own; they are written as their bits (u2, u1). Strings are UTF-8 here and
/// NumPy's text (U) there, or its bytes (S) where one is no UTF-8; zeros at their ends get lost, as
/// with NumPy.
Tensor read_npy(const std::string& path);  // throws INVALID_ARGUMENT naming the file
Tensor parse_npy(std::string_view bytes);  // copies the elements
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace drawbar
