#pragma once

// Linear attention step by step. The columns of a state S [K, V] do not depend on each other: a
// team of neighbouring lanes holds one in registers over all steps, and reads what a step needs
// while the step before is computed.
//
// A Shape says what a problem is:
//
//   int batch, steps, heads, groups, size, value_size
//   bool gated, corrects, has_past, has_last
//   int decay_columns, beta_columns    of all groups together
//   double scale

namespace linear_attention {

template <class C>
struct Exponential;
template <>
struct Exponential<float> {
  static __device__ __forceinline__ float of(float x) { return ::expf(x); }
};
template <>
struct Exponential<double> {
  static __device__ __forceinline__ double of(double x) { return ::exp(x); }
};

template <class S>
struct Team {
  static constexpr int threads = 128, shared = S::heads / S::groups;
  /// Lanes for about 48 numbers of each operand and state together.
  static __device__ constexpr int lanes_for() {
    int lanes = 1;
    while (lanes < 32 && lanes * 48 < S::size * (shared + 2)) lanes *= 2;
    return lanes;
  }
  static constexpr int lanes = lanes_for(), columns = threads / lanes;
  static constexpr int each = (S::size + lanes - 1) / lanes;
  static constexpr int blocks = (S::value_size + columns - 1) / columns;
};

/// This lane's numbers of a vector of S::size, element i * lanes + lane each; zeros behind its end.
template <class S, class C, class T>
__device__ __forceinline__ void load_lane(const T* from, int lane, C (&to)[Team<S>::each]) {
#pragma unroll
  for (int i = 0; i < Team<S>::each; ++i) {
    const int at = i * Team<S>::lanes + lane;
    to[i] = at < S::size ? static_cast<C>(to_compute(from[at])) : C(0);
  }
}

/// What one step reads.
template <class S, class C>
struct Step {
  static constexpr int each = Team<S>::each, shared = Team<S>::shared;
  static constexpr bool decay_of_head = S::decay_columns == S::groups && S::size != 1;
  C key[each], queries[shared][each], decay[decay_of_head ? 1 : each], value, rate;

  template <class Q, class K, class V, class D, class B>
  __device__ __forceinline__ void read(const Q* q, const K* k, const V* v, const D* decays,
                                       const B* beta, i64 row, int group, int column, int lane) {
    load_lane<S>(k + (row * S::groups + group) * S::size, lane, key);
#pragma unroll
    for (int h = 0; h < shared; ++h)
      load_lane<S>(q + (row * S::heads + group * shared + h) * S::size, lane, queries[h]);
    value = static_cast<C>(to_compute(v[(row * S::groups + group) * S::value_size + column]));
    if constexpr (S::gated) {
      const D* from = decays + row * S::decay_columns;
      if constexpr (decay_of_head) {
        decay[0] = static_cast<C>(to_compute(from[group]));
      } else {
        load_lane<S>(from + group * S::size, lane, decay);
      }
    }
    if constexpr (S::corrects)
      rate = static_cast<C>(
          to_compute(beta[row * S::beta_columns + (S::beta_columns == 1 ? 0 : group)]));
  }
};

template <class S, class C>
__device__ __forceinline__ C team_sum(C sum) {
#pragma unroll
  for (int lane = Team<S>::lanes / 2; lane > 0; lane /= 2)
    sum += __shfl_xor_sync(0xffffffffu, sum, lane);
  return sum;
}

template <class S, class C, class Q, class K, class V, class P, class D, class B, class N>
__device__ __forceinline__ void states(const Q* __restrict__ q, const K* __restrict__ k,
                                       const V* __restrict__ v, const P* __restrict__ past,
                                       const D* __restrict__ decays, const B* __restrict__ beta,
                                       Q* __restrict__ y, N* __restrict__ last) {
  using Sizes = Team<S>;
  constexpr int lanes = Sizes::lanes, each = Sizes::each;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % lanes;
  const int block = static_cast<int>(blockIdx.x), part = block / Sizes::blocks;
  const int batch = part / S::groups, group = part % S::groups;
  // Lanes behind the last column compute it, too, since they exchange numbers with others.
  const int own = block % Sizes::blocks * Sizes::columns + thread / lanes;
  const bool valid = own < S::value_size;
  const int column = valid ? own : S::value_size - 1;
  const i64 state_at = static_cast<i64>(part) * S::size * S::value_size + column;

  C state[each];
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int at = i * lanes + lane;
    state[i] = 0;
    if constexpr (S::has_past) {
      if (at < S::size)
        state[i] =
            static_cast<C>(to_compute(past[state_at + static_cast<i64>(at) * S::value_size]));
    }
  }
  Step<S, C> now, next;
  next.read(q, k, v, decays, beta, static_cast<i64>(batch) * S::steps, group, column, lane);
#pragma unroll 1
  for (int t = 0; t < S::steps; ++t) {
    const i64 row = static_cast<i64>(batch) * S::steps + t;
    now = next;
    if (t + 1 < S::steps) next.read(q, k, v, decays, beta, row + 1, group, column, lane);
    C held = 0;
#pragma unroll
    for (int i = 0; i < each; ++i) {
      if constexpr (S::gated)
        state[i] *= Exponential<C>::of(now.decay[Step<S, C>::decay_of_head ? 0 : i]);
      if constexpr (S::corrects) held += state[i] * now.key[i];
    }
    C change = now.value;
    if constexpr (S::corrects) change = now.rate * (now.value - team_sum<S>(held));
#pragma unroll
    for (int i = 0; i < each; ++i) state[i] += now.key[i] * change;
#pragma unroll
    for (int h = 0; h < Sizes::shared; ++h) {
      C sum = 0;
#pragma unroll
      for (int i = 0; i < each; ++i) sum += now.queries[h][i] * state[i];
      sum = team_sum<S>(sum) * static_cast<C>(S::scale);
      if (lane == 0 && valid)
        y[(row * S::heads + group * Sizes::shared + h) * S::value_size + column] =
            from_compute<Q>(static_cast<compute_t<Q>>(sum));
    }
  }
  if constexpr (S::has_last) {
#pragma unroll
    for (int i = 0; i < each; ++i) {
      const int at = i * lanes + lane;
      if (at < S::size && valid)
        last[state_at + static_cast<i64>(at) * S::value_size] =
            from_compute<N>(static_cast<compute_t<N>>(state[i]));
    }
  }
}

}  // namespace linear_attention
