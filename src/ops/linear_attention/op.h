#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// How LinearAttention's state S [K, V] takes up key k and value v of a step, with decay g and rate
/// beta.
enum class StateUpdate : uint8_t {
  linear,      // S + k vᵀ
  gated,       // e^g S + k vᵀ
  delta,       // S + beta k (v - Sᵀ k)ᵀ
  gated_delta  // e^g S + beta k (v - (e^g S)ᵀ k)ᵀ
};

/// Attention by a recurrent state per head of keys: o = scale · qᵀ S after each step.
/// q [B, T, H·K], k [B, T, G·K], v [B, T, G·V], past state [B, G, K, V] (optional, zeros), decay
/// [B, T, G·K] or [B, T, G] (gated forms), beta [B, T, G] or [B, T, 1] (delta forms); G divides H,
/// query head h reads the state of h / (H / G) → o [B, T, H·V], last state [B, G, K, V].
/// Float types, computed in f64. Source: ONNX LinearAttention-27.
struct LinearAttention {
  static constexpr std::string_view name = "LinearAttention";
  int64_t heads = 1, groups = 1;
  StateUpdate update = StateUpdate::gated_delta;
  float scale = 0;  // 0: 1 / sqrt(K)

  enum Inputs : size_t { q, k, v, past, decay, beta };
  void fields(auto&& field) {
    field("heads", heads);
    field("groups", groups);
    field("update", update);
    field("scale", scale);
  }
  bool gated() const { return update == StateUpdate::gated || update == StateUpdate::gated_delta; }
  bool corrects() const {
    return update == StateUpdate::delta || update == StateUpdate::gated_delta;
  }
};

void infer(const LinearAttention&, Infer&);
void reference(const LinearAttention&, Evaluation&);
Dim operations(const LinearAttention&, const Infer&);

}  // namespace drawbar::ops

namespace drawbar {

template <>
struct EnumNames<ops::StateUpdate> {
  static constexpr std::string_view names[] = {"linear", "gated", "delta", "gated_delta"};
};

}  // namespace drawbar
