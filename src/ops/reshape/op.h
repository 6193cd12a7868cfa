#pragma once

#include "ir/op.h"

namespace drawbar::ops {

// Operators that give the same elements, in the same row-major order, another shape. All of them
// are views: no data moves. Any element type.

/// data, shape [rank] i64 → data under that shape. An entry -1 takes what the others leave; 0 keeps
/// data's dimension at its place, or is a size of zero with allow_zero. Source: ONNX Reshape-25.
struct Reshape {
  static constexpr std::string_view name = "Reshape";
  bool allow_zero = false;
  void fields(auto&& field) { field("allow_zero", allow_zero); }
};

/// data, axes [n] i64 (optional, stands for the attribute) → data without these dimensions, which
/// are 1. No axes: without every dimension that is 1. Source: ONNX Squeeze-25.
struct Squeeze {
  static constexpr std::string_view name = "Squeeze";
  std::vector<int64_t> axes;
  void fields(auto&& field) { field("axes", axes); }
};

/// data, axes [n] i64 (optional, stands for the attribute) → data with dimensions of 1 put in, so
/// that the result has them at `axes`. Source: ONNX Unsqueeze-25.
struct Unsqueeze {
  static constexpr std::string_view name = "Unsqueeze";
  std::vector<int64_t> axes;
  void fields(auto&& field) { field("axes", axes); }
};

/// data [d0…dn] → [d0·…·d(axis-1), d(axis)·…·dn], -rank <= axis <= rank. Source: ONNX Flatten-25.
struct Flatten {
  static constexpr std::string_view name = "Flatten";
  int64_t axis = 1;
  void fields(auto&& field) { field("axis", axis); }
};

/// data, like → data under like's shape (like's contents are not read).
struct ReshapeLike {
  static constexpr std::string_view name = "ReshapeLike";
  void fields(auto&&) {}
};

void infer(const Reshape&, Infer&);
void infer(const Squeeze&, Infer&);
void infer(const Unsqueeze&, Infer&);
void infer(const Flatten&, Infer&);
void infer(const ReshapeLike&, Infer&);
void reference(const Reshape&, Evaluation&);
void reference(const Squeeze&, Evaluation&);
void reference(const Unsqueeze&, Evaluation&);
void reference(const Flatten&, Evaluation&);
void reference(const ReshapeLike&, Evaluation&);
Dim operations(const Reshape&, const Infer&);
bool keeps_rows(const Reshape&, const Infer&, const std::vector<bool>& batched);
Dim operations(const Squeeze&, const Infer&);
bool keeps_rows(const Squeeze&, const Infer&, const std::vector<bool>& batched);
Dim operations(const Unsqueeze&, const Infer&);
bool keeps_rows(const Unsqueeze&, const Infer&, const std::vector<bool>& batched);
Dim operations(const Flatten&, const Infer&);
bool keeps_rows(const Flatten&, const Infer&, const std::vector<bool>& batched);
Dim operations(const ReshapeLike&, const Infer&);
bool keeps_rows(const ReshapeLike&, const Infer&, const std::vector<bool>& batched);

/// Whether output 0 has input 0's elements in row-major order (Identity too): planners let both
/// share memory.
bool is_view(const Op& op);

}  // namespace drawbar::ops
