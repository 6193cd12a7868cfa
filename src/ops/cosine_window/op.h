#pragma once

#include "ir/op.h"

namespace drawbar::ops {

enum class WindowShape : uint8_t { hann, hamming, blackman };

/// The family HannWindow, HammingWindow, BlackmanWindow: size [] i32 or i64 → w [size] of type
/// `element`, w[j] = a0 - a1 cos(2πj/N) + a2 cos(4πj/N) with N = size when periodic, else size - 1.
/// Computed in f64; integers are truncated. A symmetric window of one point is 1. Source: ONNX
/// HannWindow-17, HammingWindow-17 (a0 = 25/46), BlackmanWindow-17.
struct CosineWindow {
  WindowShape shape = WindowShape::hann;
  bool periodic = true;
  ElementType element = ElementType::f32;

  std::string_view op_name() const;
  static CosineWindow named(std::string_view name);
  void fields(auto&& field) {
    field("periodic", periodic);
    field("element", element);
  }
};

void infer(const CosineWindow&, Infer&);
void reference(const CosineWindow&, Evaluation&);

}  // namespace drawbar::ops
