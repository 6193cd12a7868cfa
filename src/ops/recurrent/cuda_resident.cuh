#pragma once

#include "ops/recurrent/cuda_steps.cuh"

// All steps of one sequence in one direction by one block, whose threads hold r in registers: LANES
// neighbouring lanes hold the rows of a hidden unit, each the numbers i * LANES + lane.

namespace recurrent {

template <class S, int PHASE, int LANES, int EACH, class C>
__device__ __forceinline__ void resident_products(const C (&weights)[S::gates][EACH],
                                                  const C* states, int lane,
                                                  C (&sums)[Phase<S, PHASE>::gates]) {
  using This = Phase<S, PHASE>;
  constexpr int count = power_of_two_from(This::gates);
  constexpr int shared = count <= LANES ? count : 1;  // sums that lanes share
  C values[count] = {};
#pragma unroll
  for (int i = 0; i < EACH; ++i) {
    const C state = states[i * LANES + lane];
#pragma unroll
    for (int g = 0; g < This::gates; ++g) values[g] += weights[This::first + g][i] * state;
  }
  if constexpr (shared > 1) {
    share_sums<count, LANES / 2>(values, lane);
#pragma unroll
    for (int g = 0; g < This::gates; ++g) {
      const int from = static_cast<int>(threadIdx.x) % 32 / LANES * LANES + g * (LANES / count);
      sums[g] = __shfl_sync(0xffffffffu, values[0], from);
    }
  } else {
#pragma unroll
    for (int g = 0; g < This::gates; ++g) {
#pragma unroll
      for (int bit = LANES / 2; bit > 0; bit /= 2)
        values[g] += __shfl_xor_sync(0xffffffffu, values[g], bit);
      sums[g] = values[g];
    }
  }
}

template <class S, int LANES, int THREADS, class C, class R, class B, class L, class P, class H,
          class K, class T>
__device__ __forceinline__ void resident(const C* __restrict__ projection, const R* __restrict__ r,
                                         const B* __restrict__ bias, const L* __restrict__ lengths,
                                         const P* __restrict__ peepholes,
                                         const H* __restrict__ initial_h,
                                         const K* __restrict__ initial_c, T* __restrict__ y,
                                         T* __restrict__ last_h, T* __restrict__ last_c) {
  constexpr int each = (S::hidden + LANES - 1) / LANES, gates = S::gates;
  constexpr bool resets = Phase<S, 0>::resets;
  __shared__ C states[2][LANES * each], reset_states[resets ? LANES * each : 1];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % LANES;
  const int d = static_cast<int>(blockIdx.x) / S::batch,
            b = static_cast<int>(blockIdx.x) % S::batch;
  // Threads behind the last unit compute it, too, since lanes exchange numbers.
  const int unit = thread / LANES, j = unit < S::hidden ? unit : S::hidden - 1;
  const bool writes = lane == 0 && unit < S::hidden;

  C weights[gates][each];
#pragma unroll
  for (int g = 0; g < gates; ++g) {
    const R* row = r + ((static_cast<i64>(d) * gates + g) * S::hidden + j) * S::hidden;
#pragma unroll
    for (int i = 0; i < each; ++i) {
      const int k = i * LANES + lane;
      weights[g][i] = k < S::hidden ? static_cast<C>(to_compute(row[k])) : C(0);
    }
  }
  C input_bias[gates] = {}, state_bias[gates] = {};
  add_bias<S, 0, gates, false>(d, j, bias, input_bias);
  add_bias<S, 0, gates, true>(d, j, bias, state_bias);
  C h = 0, kept = 0;
  if constexpr (S::has_h) h = static_cast<C>(to_compute(initial_h[outer_state_offset<S>(d, b, j)]));
  if constexpr (S::has_c)
    kept = static_cast<C>(to_compute(initial_c[outer_state_offset<S>(d, b, j)]));
  for (int k = thread; k < LANES * each; k += THREADS) {
    states[0][k] = states[1][k] = 0;
    if constexpr (resets) reset_states[k] = 0;
  }
  __syncthreads();
  if (writes) states[0][j] = h;
  __syncthreads();

  const auto read = [&](const Place& place, C(&to)[gates]) {
#pragma unroll
    for (int g = 0; g < gates; ++g) to[g] = projection[place.row + g * S::hidden + j];
  };
  Place place = place_of<S>(0, d, b, lengths);
  C from_input[gates];
  read(place, from_input);
#pragma unroll 1
  for (int step = 0; step < S::steps; ++step) {
    const Place next_place = place_of<S>(step + 1 < S::steps ? step + 1 : step, d, b, lengths);
    C next_input[gates];
    read(next_place, next_input);  // while this step is computed
#pragma unroll
    for (int g = 0; g < gates; ++g) from_input[g] += input_bias[g];
    const C* before = states[step % 2];
    C next;
    if constexpr (resets) {
      C sums[2], last_sum[1];
      resident_products<S, 0, LANES>(weights, before, lane, sums);
      sums[0] += state_bias[0];
      sums[1] += state_bias[1];
      const C reset = unit_phase<S, 0>(d, j, from_input, sums, peepholes, h, kept);
      if (writes) reset_states[j] = reset;
      __syncthreads();
      resident_products<S, 1, LANES>(weights, reset_states, lane, last_sum);
      last_sum[0] += state_bias[2];
      next = unit_phase<S, 1>(d, j, from_input, last_sum, peepholes, h, kept);
    } else {
      C sums[gates];
      resident_products<S, 0, LANES>(weights, before, lane, sums);
#pragma unroll
      for (int g = 0; g < gates; ++g) sums[g] += state_bias[g];
      C cell = kept;
      next = unit_phase<S, 0>(d, j, from_input, sums, peepholes, h, cell);
      kept = place.runs ? cell : kept;
    }
    h = place.runs ? next : h;
    if (writes) {
      states[(step + 1) % 2][j] = h;
      if constexpr (S::has_y) y[place.y_at + j] = from_compute<T>(place.runs ? h : C(0));
    }
    __syncthreads();
    place = next_place;
#pragma unroll
    for (int g = 0; g < gates; ++g) from_input[g] = next_input[g];
  }
  if (!writes) return;
  const i64 outer = outer_state_offset<S>(d, b, j);
  if constexpr (S::has_last_h) last_h[outer] = from_compute<T>(h);
  if constexpr (S::has_last_c) last_c[outer] = from_compute<T>(kept);
}

}  // namespace recurrent
