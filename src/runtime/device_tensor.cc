#include "drawbar/tensor.h"

#include <cstring>

#include "targets/target.h"

namespace drawbar {
namespace {

const Device& device_of(const Place& place) {
  return place.kind == Place::Kind::cuda ? target_named("cuda").device() : host_target().device();
}

}  // namespace

Tensor allocate_on(const Place& place, ElementType type, Shape shape) {
  if (place.kind == Place::Kind::host) return Tensor::allocate(type, std::move(shape));
  return device_of(place).allocate(place, type, std::move(shape));
}

Tensor copied_to(const Place& place, const Tensor& tensor) {
  if (tensor.place() == place) return tensor;
  Tensor result = allocate_on(place, tensor.type(), tensor.shape());
  copy_elements(tensor, result);
  return result;
}

void copy_elements(const Tensor& from, Tensor& to) {
  for (const Tensor* tensor : {&from, static_cast<const Tensor*>(&to)}) {
    if (!tensor->has_value() || tensor->kind() != Tensor::Kind::tensor ||
        tensor->type() == ElementType::string)
      fail(ErrorCode::invalid_argument, "only tensors of numbers can be copied");
  }
  if (from.type() != to.type() || from.shape() != to.shape()) {
    fail(ErrorCode::invalid_argument, "{} {} cannot be copied into {} {}", name(from.type()),
         to_string(from.shape()), name(to.type()), to_string(to.shape()));
  }
  if (from.bytes() == 0) return;
  if (from.is_on_host() && to.is_on_host()) {
    std::memcpy(to.raw(), from.raw(), static_cast<size_t>(from.bytes()));
  } else {
    device_of(from.is_on_host() ? to.place() : from.place()).copy(from, to);
  }
}

}  // namespace drawbar
