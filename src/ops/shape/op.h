#pragma once

#include <limits>

#include "ir/op.h"

namespace drawbar::ops {

// Tensors that are made from shapes and sizes. Zeros, ones and other constants of a given shape are
// an Expand.

/// x → i64 [n], the dimensions start to end (exclusive) of x's shape; negative ones count from the
/// back, and both are clamped. Source: ONNX Shape-25.
struct ShapeOf {
  static constexpr std::string_view name = "Shape";
  int64_t start = 0, end = std::numeric_limits<int64_t>::max();
  void fields(auto&& field) {
    field("start", start);
    field("end", end);
  }
};

/// x → i64 [], the number of its elements. Source: ONNX Size-25.
struct SizeOf {
  static constexpr std::string_view name = "Size";
  void fields(auto&&) {}
};

/// start, limit, delta (one element each, same type) → [n], start + i · delta up to the limit
/// (exclusive). i16, i32, i64, f32, f64, f16, bf16. Source: ONNX Range-27.
struct NumberRange {
  static constexpr std::string_view name = "Range";
  void fields(auto&&) {}
};

/// x [rows, columns] (its contents are not read) → the same shape with ones on diagonal k (k > 0:
/// above the main one). Numbers and bool. Source: ONNX EyeLike-22.
struct EyeLike {
  static constexpr std::string_view name = "EyeLike";
  ElementType element = ElementType::f32;
  int64_t k = 0;
  void fields(auto&& field) {
    field("element", element);
    field("k", k);
  }
};

void infer(const ShapeOf&, Infer&);
void infer(const SizeOf&, Infer&);
void infer(const NumberRange&, Infer&);
void infer(const EyeLike&, Infer&);
void reference(const ShapeOf&, Evaluation&);
void reference(const SizeOf&, Evaluation&);
void reference(const NumberRange&, Evaluation&);
void reference(const EyeLike&, Evaluation&);

}  // namespace drawbar::ops
