#include "ir/half_constant.h"

#include "base/half_tensor.h"

namespace drawbar {

ConstantPtr rounded_to_half(const Constant& constant, ElementType half) {
  std::optional<Tensor> rounded = to_half(constant.tensor(), half);
  if (!rounded) return nullptr;
  if (constant.description())
    return std::make_shared<const Constant>(half, constant.shape(), *constant.description());
  return std::make_shared<const Constant>(std::move(*rounded));
}

}  // namespace drawbar
