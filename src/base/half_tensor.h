#pragma once

#include <optional>

#include "base/tensor.h"

namespace drawbar {

/// The numbers of an f16 or bf16 tensor as f32. Allocates; throws what Tensor::allocate does.
Tensor to_f32(const Tensor& half);

/// An f32 tensor rounded to f16 or bf16, to nearest, ties to even; nothing where a finite number
/// would become an infinity (f16: above 65504).
std::optional<Tensor> to_half(const Tensor& wide, ElementType half);

}  // namespace drawbar
