#pragma once

// What all attention kernels share. A Shape says what a problem is:
//
//   int batch, heads, groups, queries, keys, size, value_size
//   i64 q_batch, q_head, q_row; the same for k, v, y and mask
//   int mask_keys                   keys from there on are not attended
//   bool has_mask, has_lengths; int offsets   none, one, or one per batch entry
//   double scale, softcap           softcap 0: none
//   bool causal; i64 left_window, right_window
//
// The heads that share keys are one group; its rows are all queries of its first head, then those
// of the next one. Operands that are absent have another one's pointer.

namespace attention {

/// The power that probabilities are of: of two for floats, which have an instruction for it, else
/// of e.
__device__ __forceinline__ float power(float x) {
#ifdef DRAWBAR_EMULATED
  return ::exp2f(x);
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}
__device__ __forceinline__ double power(double x) { return ::exp(x); }
template <class C>
struct Base {
  static constexpr C unit = 1;
};
template <>
struct Base<float> {
  static constexpr float unit = 1.4426950408889634f;  // log2(e)
};

__device__ __forceinline__ float hyperbolic_tangent(float x) { return ::tanhf(x); }
__device__ __forceinline__ double hyperbolic_tangent(double x) { return ::tanh(x); }

template <class M>
constexpr bool is_boolean = false;
template <>
constexpr bool is_boolean<boolean> = true;

template <class S>
struct Rows {
  static constexpr int shared = S::heads / S::groups;  // heads of a group
  static constexpr int count = shared * S::queries;
  static constexpr int parts = S::batch * S::groups;
};

/// One batch entry's group of heads.
struct Part {
  int batch, group;
};
template <class S>
__device__ __forceinline__ Part part_of(int i) {
  return {i / S::groups, i % S::groups};
}

/// Where a row's query is in memory, as `batch`, `head` and `row` elements lie apart.
template <class S>
__device__ __forceinline__ i64 row_offset(Part part, int row, i64 batch, i64 head, i64 step) {
  return part.batch * batch + (part.group * Rows<S>::shared + row / S::queries) * head +
         row % S::queries * step;
}

/// Keys [first, last); empty where last is not above first.
struct Range {
  int first, last;
};

/// What a query may attend, apart from the mask's values. Both ends grow with the query.
template <class S, class L, class O>
__device__ __forceinline__ Range attended(int batch, int query, const L* lengths,
                                          const O* offsets) {
  i64 position = query, first = 0, last = S::mask_keys;
  if constexpr (S::offsets != 0) position += offsets[S::offsets == 1 ? 0 : batch];
  if constexpr (S::left_window >= 0) first = (position > -1 ? position : -1) - S::left_window;
  if constexpr (S::right_window >= 0) {
    const i64 end = position + (S::right_window < S::keys ? S::right_window : S::keys) + 1;
    last = end < last ? end : last;
  }
  if constexpr (S::causal) last = position + 1 < last ? position + 1 : last;
  if constexpr (S::has_lengths) last = lengths[batch] < last ? lengths[batch] : last;
  first = first < 0 ? 0 : first > S::keys ? S::keys : first;
  return {static_cast<int>(first), static_cast<int>(last < 0 ? 0 : last)};
}

/// What any of rows [begin, end) may attend.
template <class S, class L, class O>
__device__ __forceinline__ Range attended_by_rows(int batch, int begin, int end, const L* lengths,
                                                  const O* offsets) {
  const bool one_head = begin / S::queries == (end - 1) / S::queries;
  const int low = one_head ? begin % S::queries : 0;
  const int high = one_head ? (end - 1) % S::queries : S::queries - 1;
  return {attended<S>(batch, low, lengths, offsets).first,
          attended<S>(batch, high, lengths, offsets).last};
}

/// A logit for `power`. An added mask is not multiplied by the base's logarithm before the largest
/// logit is subtracted, since it may hold the lowest number there is.
template <class S, class M, class C>
struct Logits {
  static constexpr bool added_mask = S::has_mask && !is_boolean<M>;
  static constexpr C unit = added_mask ? C(1) : Base<C>::unit;

  /// `product`: q·k; `mask`: where the row's mask begins.
  static __device__ __forceinline__ C of(C product, const M* mask, int key) {
    C result;
    if constexpr (S::softcap > 0) {
      constexpr C inverse = static_cast<C>(S::scale / S::softcap);
      constexpr C cap = static_cast<C>(S::softcap) * unit;
      result = cap * hyperbolic_tangent(product * inverse);
    } else {
      constexpr C scale = static_cast<C>(S::scale * static_cast<double>(unit));
      result = product * scale;
    }
    if constexpr (added_mask) {
      result += to_compute(mask[key]);
    } else if constexpr (S::has_mask) {
      if (mask[key].value == 0) result = -kInfinity;
    }
    return result;
  }
  static __device__ __forceinline__ C power_of(C logit, C largest) {
    return power(added_mask ? (logit - largest) * Base<C>::unit : logit - largest);
  }
  /// What to subtract: the largest logit, or 0 where no key is attended yet.
  static __device__ __forceinline__ C finite(C largest) {
    return largest == -kInfinity ? C(0) : largest;
  }
};

/// Neighbours of T in a load of up to 16 bytes that rows of SIZE elements are made of.
template <class T, int SIZE>
__device__ constexpr int load_width() {
  int width = 16 / static_cast<int>(sizeof(T));
  while (SIZE % width != 0) width /= 2;
  return width;
}

template <class C>
__device__ __forceinline__ C larger(C a, C b) {
  return a > b ? a : b;
}

}  // namespace attention
