#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Short-time Fourier transform: those of the frames of n samples that begin at multiples of
/// frame_step, each multiplied by the window.
///
/// signal [batch, samples, 1 (real) or 2 (complex)], float types; frame_step [] i32 or i64; window
/// [n] of signal's type (optional: ones); frame_length [] i32 or i64 (optional: n is the window's
/// length, or else all samples) → [batch, floor((samples - n) / frame_step) + 1, n, 2], or when
/// `onesided` only the first n/2 + 1 points. Source: ONNX STFT-17.
struct Stft {
  static constexpr std::string_view name = "STFT";
  bool onesided = true;
  void fields(auto&& field) { field("onesided", onesided); }
};

/// What concrete inputs ask for.
struct StftSizes {
  int64_t batch = 0, samples = 0, parts = 1;
  int64_t step = 1, length = 0, frames = 0, points = 0;
};
/// Of shapes that inference has accepted; window and frame_length may be null.
StftSizes stft_sizes(const Stft& op, const Shape& signal, int64_t step, const Shape* window,
                     const Tensor* frame_length);

void infer(const Stft&, Infer&);
void reference(const Stft&, Evaluation&);
Dim operations(const Stft&, const Infer&);
bool keeps_rows(const Stft&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
