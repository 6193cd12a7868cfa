#include "base/half_tensor.h"

#include <cmath>

namespace drawbar {

Tensor to_f32(const Tensor& half) {
  Tensor wide = Tensor::allocate(ElementType::f32, half.shape());
  float* const to = wide.data<float>();
  const auto read = [&](const auto* from) {
    for (int64_t i = 0; i < half.size(); ++i) to[i] = static_cast<float>(from[i]);
  };
  half.type() == ElementType::f16 ? read(half.data<Float16>()) : read(half.data<BFloat16>());
  return wide;
}

namespace {

template <class Half>
bool round_all(const Tensor& wide, Tensor& half) {
  const auto* from = wide.data<float>();
  auto* to = half.data<Half>();
  for (int64_t i = 0; i < wide.size(); ++i) {
    to[i] = Half(from[i]);
    if (std::isinf(static_cast<float>(to[i])) && !std::isinf(from[i])) return false;
  }
  return true;
}

}  // namespace

std::optional<Tensor> to_half(const Tensor& wide, ElementType element) {
  Tensor half = Tensor::allocate(element, wide.shape());
  const bool fits = element == ElementType::f16 ? round_all<Float16>(wide, half)
                                                : round_all<BFloat16>(wide, half);
  return fits ? std::optional(std::move(half)) : std::nullopt;
}

}  // namespace drawbar
