#pragma once

#include "ops/pool/op.h"

namespace drawbar::ops {

/// Average of quantised numbers: the sum of (x - x_zero_point) over a window, exact, times one f32
/// number, x_scale / (y_scale * count), rounded to nearest even, plus y_zero_point, saturated.
/// Without y_scale and y_zero_point the sum times x_scale / count, in f32.
///
/// x [N, C, d1…dn] u8 or i8, x_scale, x_zero_point of x's type, y_scale and y_zero_point (both or
/// none) → y [N, C, o1…on] of y_zero_point's type, or f32. Scales are f32; scales and zero points
/// scalars. The window is that of AveragePool; where `kernel` is empty it is as large as x,
/// whatever n is, and o1…on are 1. Source: com.microsoft QLinearAveragePool and
/// QLinearGlobalAveragePool.
struct QLinearAveragePool {
  static constexpr std::string_view name = "QLinearAveragePool";
  Pool pool{.kind = PoolKind::average};
  void fields(auto&& field) { pool.fields(field); }

  bool is_global() const { return pool.kernel.empty(); }
};

void infer(const QLinearAveragePool&, Infer&);
void reference(const QLinearAveragePool&, Evaluation&);
Dim operations(const QLinearAveragePool&, const Infer&);
bool keeps_rows(const QLinearAveragePool&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
