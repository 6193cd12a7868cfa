#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// What the second output of Attention holds, if there is one.
enum class AttentionScores : uint8_t { raw, capped, masked, probabilities };

/// Scaled dot-product attention: y = softmax(cap(scale · q·kᵀ) + mask)·v for every batch and head,
/// where cap(x) = softcap · tanh(x / softcap).
/// q [B, H, S, D], k [B, G, T, D], v [B, G, T, E]; G divides H, head h reads k and v of head
/// h / (H / G). An operand whose `…_heads_last` is set is [B, S or T, heads, size] instead, as the
/// projection before (or after) has it, so that no transpose is needed.
/// mask (optional): of q's type (added) or bool (false: not attended); its dimensions but the last
/// broadcast to [B, H, S]; the last is at most T, and keys beyond it are not attended (a last
/// dimension of 1 does not broadcast).
/// lengths i64 [B] (optional): keys from there on are not attended.
/// offset i64 [1] or [B] (optional, else 0): query i stands at position offset + i, for
/// `causal` (keys up to that position), `left_window` and `right_window` (so many keys before and
/// behind it, -1: all).
/// → y [B, H, S, E], zeros where no key is attended; scores [B, H, S, T] as `scores` says.
/// Float types, computed in f64 (kernels: f32). Source: ONNX Attention-23 to -25.
struct Attention {
  static constexpr std::string_view name = "Attention";
  float scale = 0;  // 0: 1 / sqrt(D)
  bool causal = false;
  float softcap = 0;  // 0: none
  int64_t left_window = -1, right_window = -1;
  bool q_heads_last = false, k_heads_last = false, v_heads_last = false, y_heads_last = false;
  AttentionScores scores = AttentionScores::raw;

  enum Inputs : size_t { q, k, v, mask, lengths, offset };

  void fields(auto&& field) {
    field("scale", scale);
    field("causal", causal);
    field("softcap", softcap);
    field("left_window", left_window);
    field("right_window", right_window);
    field("q_heads_last", q_heads_last);
    field("k_heads_last", k_heads_last);
    field("v_heads_last", v_heads_last);
    field("y_heads_last", y_heads_last);
    field("scores", scores);
  }
};

/// One concrete attention; strides count elements.
struct AttentionSizes {
  struct Strides {
    int64_t batch = 0, head = 0, row = 0;
  };
  int64_t batch = 1, heads = 1, groups = 1, queries = 1, keys = 1, size = 1, value_size = 1;
  Strides q, k, v, y;
  Strides mask;  // 0 where it is broadcast
  int64_t mask_keys = 0;

  int64_t group_of(int64_t head) const { return head / (heads / groups); }
};

/// Of operands that infer has accepted; `mask` may be null.
AttentionSizes attention_sizes(const Attention&, const Shape& q, const Shape& k, const Shape& v,
                               const Shape* mask);

/// The keys [first, second) that a query at `position` may attend, apart from the mask.
std::pair<int64_t, int64_t> attended_keys(const Attention&, int64_t position, int64_t keys);

void infer(const Attention&, Infer&);
void reference(const Attention&, Evaluation&);
Dim operations(const Attention&, const Infer&);
bool keeps_rows(const Attention&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

namespace drawbar {

template <>
struct EnumNames<ops::AttentionScores> {
  static constexpr std::string_view names[] = {"raw", "capped", "masked", "probabilities"};
};

}  // namespace drawbar
