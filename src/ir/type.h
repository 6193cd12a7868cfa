#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "drawbar/element_type.h"
#include "ir/dim.h"

namespace drawbar {

/// The order of a tensor's dimensions in memory. The shape is always the logical one (N, C, d1…dn);
/// channels_last stores N, d1…dn, C. Only targets assign it.
enum class Layout : uint8_t { row_major, channels_last };

using Dims = std::vector<Dim>;

struct TensorType {
  ElementType element = ElementType::f32;
  Dims dims;
  Layout layout = Layout::row_major;
  bool ranked = true;  // false: even the rank is only known while running (dims is empty)

  bool is_static() const;  // every dimension is a number
  Shape shape() const;     // of a static type
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  Dim size() const;  // the product of the dimensions
  bool operator==(const TensorType&) const = default;
};

/// The type of a value: a tensor, or a sequence, optional or map of values.
struct Type {
  Tensor::Kind kind = Tensor::Kind::tensor;
  TensorType tensor;                    // of a tensor
  std::shared_ptr<const Type> element;  // of a sequence, optional or map
  ElementType key = ElementType::i64;   // of a map

  Type() = default;
  Type(TensorType type) : tensor(std::move(type)) {}  // NOLINT: a tensor type is a type
  Type(ElementType element, Dims dims) : tensor{element, std::move(dims)} {}
  static Type of(Tensor::Kind kind, Type element);
  static Type of(const Tensor& value);  // the concrete type of a value

  bool is_tensor() const { return kind == Tensor::Kind::tensor; }
  bool is_static() const { return is_tensor() && tensor.is_static(); }
  friend bool operator==(const Type& a, const Type& b);
};

Dims to_dims(const Shape& shape);
std::string to_string(const Dims& dims);  // "N, 3, 224, 224"
std::string to_string(
    const TensorType& type);  // "f32[N, 3, 224, 224]", "f32[*]", "f32[1, 8]:channels_last"
std::string to_string(const Type& type);  // "seq(f32[N])", "opt(…)", "map(i64, …)"

Type substitute(const Type& type, const Bindings& bindings);

}  // namespace drawbar
