#include "ir/type.h"

namespace drawbar {

bool TensorType::is_static() const {
  if (!ranked) return false;
  for (const Dim& dim : dims) {
    if (!dim.is_constant()) return false;
  }
  return true;
}

Shape TensorType::shape() const {
  Shape shape;
  for (const Dim& dim : dims) {
    if (!dim.is_constant()) fail(ErrorCode::internal, "dimension {} is not known yet", dim.str());
    shape.push_back(dim.value());
  }
  return shape;
}

Dim TensorType::size() const {
  Dim product(1);
  for (const Dim& dim : dims) product = product * dim;
  return product;
}

Type Type::of(Tensor::Kind kind, Type element) {
  Type type;
  type.kind = kind;
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

namespace {

Type of_map(const Tensor& map) {
  const Tensor &keys = map.elements().front(), &values = map.elements().back();
  Type value = Type::of(values);
  if (values.kind() == Tensor::Kind::sequence) {
    value = Type(*value.element);
  } else if (!value.tensor.dims.empty()) {
    value.tensor.dims.erase(value.tensor.dims.begin());
  }
  Type type = Type::of(Tensor::Kind::map, std::move(value));
  type.key = keys.type();
  return type;
}

}  // namespace

Type Type::of(const Tensor& value) {
  if (value.kind() == Tensor::Kind::tensor) return Type(value.type(), to_dims(value.shape()));
  if (value.elements().empty()) return of(value.kind(), Type());
  if (value.kind() == Tensor::Kind::map) return of_map(value);
  return of(value.kind(), of(value.elements().front()));
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (a.is_tensor()) return a.tensor == b.tensor;
  if (a.kind == Tensor::Kind::map && a.key != b.key) return false;
  return *a.element == *b.element;
}

Dims to_dims(const Shape& shape) { return Dims(shape.begin(), shape.end()); }

std::string to_string(const Dims& dims) {
  std::string text;
  for (const Dim& dim : dims) text += (text.empty() ? "" : ", ") + dim.str();
  return text;
}

std::string to_string(const TensorType& type) {
  std::string text(name(type.element));
  text += type.ranked ? "[" + to_string(type.dims) + "]" : "[*]";
  if (type.layout == Layout::channels_last) text += ":channels_last";
  return text;
}

std::string to_string(const Type& type) {
  switch (type.kind) {
    case Tensor::Kind::tensor:
      return to_string(type.tensor);
    case Tensor::Kind::sequence:
      return "seq(" + to_string(*type.element) + ")";
    case Tensor::Kind::optional:
      return "opt(" + to_string(*type.element) + ")";
    case Tensor::Kind::map:
      return "map(" + std::string(name(type.key)) + ", " + to_string(*type.element) + ")";
  }
  return {};
}

Type substitute(const Type& type, const Bindings& bindings) {
  if (!type.is_tensor()) {
    Type result = type;
    result.element = std::make_shared<const Type>(substitute(*type.element, bindings));
    return result;
  }
  Type result = type;
  for (Dim& dim : result.tensor.dims) dim = dim.substitute(bindings);
  return result;
}

}  // namespace drawbar
