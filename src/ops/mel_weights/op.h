#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Triangular filters that are evenly spaced on the mel scale, 2595 log10(1 + hertz / 700).
///
/// num_mel_bins, dft_length, sample_rate [] i32 or i64; lower_edge_hertz, upper_edge_hertz [] float
/// types, 0 <= lower <= upper → weights [dft_length/2 + 1, num_mel_bins] of type `element`: column
/// i rises from 0 at point i of num_mel_bins + 2 to 1 at point i + 1, and falls to 0 at point i +
/// 2, the points being rounded down to bins of the spectrum. Computed in f64; integers are
/// truncated. Source: ONNX MelWeightMatrix-17.
struct MelWeightMatrix {
  static constexpr std::string_view name = "MelWeightMatrix";
  ElementType element = ElementType::f32;
  void fields(auto&& field) { field("element", element); }
};

void infer(const MelWeightMatrix&, Infer&);
void reference(const MelWeightMatrix&, Evaluation&);

}  // namespace drawbar::ops
