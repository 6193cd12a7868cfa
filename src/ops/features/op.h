#pragma once

#include "ir/op.h"

namespace drawbar::ops {

enum class RowNorm : uint8_t { max, l1, l2 };

/// Each row divided by its norm: its largest element, the sum of the absolute ones, or the root of
/// the sum of squares; a row whose norm is 0 stays as it is.
/// x [N, F] or [F], f32, f64, i32 or i64 → y f32. Source: ONNX-ML Normalizer-1.
struct Normalizer {
  static constexpr std::string_view name = "Normalizer";
  RowNorm norm = RowNorm::max;
  void fields(auto&& field) { field("norm", norm); }
};

void infer(const Normalizer&, Infer&);
void reference(const Normalizer&, Evaluation&);
bool keeps_rows(const Normalizer&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::RowNorm> {
  static constexpr std::string_view names[] = {"max", "l1", "l2"};
};
