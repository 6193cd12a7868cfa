#pragma once

#include "ops/pad/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// y from x padded along every axis; the value is input `value` of one element, or 0 without.
std::unique_ptr<Kernel> pad_kernel(const Operand& x, const Operand& y,
                                   const std::vector<ops::PadAxis>& axes,
                                   std::optional<size_t> value);

}  // namespace drawbar::cuda
