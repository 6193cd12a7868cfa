#pragma once

#include "ops/attention/cuda_scores.cuh"

// Attention of few queries: keys and values are read once, straight into registers. A team of
// neighbouring lanes holds a row of q and of the result and goes over keys of its own; blocks that
// split the keys leave sums that a second pass adds up (Flash-Decoding, Dao et al. 2023). Any real
// type, any size.

namespace attention {

template <class S, class T, class V>
struct TeamSizes {
  static constexpr int threads = 128, unroll = 4;
  static constexpr int k_width = load_width<T, S::size>(), k_loads = S::size / k_width;
  static constexpr int v_width = load_width<V, S::value_size>(), v_loads = S::value_size / v_width;

  static __device__ constexpr int lanes_for(int loads) {
    int lanes = 1;
    while (lanes < 32 && lanes < loads) lanes *= 2;
    return lanes;
  }
  static constexpr int lanes = lanes_for(k_loads > v_loads ? k_loads : v_loads);
  static constexpr int teams = threads / lanes;
  static constexpr int k_each = (k_loads + lanes - 1) / lanes;
  static constexpr int v_each = (v_loads + lanes - 1) / lanes;
};

/// The lane's elements of a row, zeros behind its end.
template <int SIZE, int LANES, int WIDTH, int EACH, class T, class C>
__device__ __forceinline__ void load_lane(const T* row, int lane, bool valid,
                                          C (&values)[EACH][WIDTH]) {
#pragma unroll
  for (int i = 0; i < EACH; ++i) {
    const int column = (lane + i * LANES) * WIDTH;
    Several<T, WIDTH> loaded = {};
    if (valid && column < SIZE) loaded = *reinterpret_cast<const Several<T, WIDTH>*>(row + column);
#pragma unroll
    for (int j = 0; j < WIDTH; ++j) values[i][j] = static_cast<C>(to_compute(loaded.at[j]));
  }
}

/// A row's sums so far: results are to be divided by `sum`.
template <class C>
struct RowState {
  C largest, sum;
};

/// Results of ROWS rows for one of SPLITS pieces of the keys. With one piece y is written, else
/// `states` [SPLITS][all rows] (two numbers each) and `results` [SPLITS][all rows][value size].
template <class S, int ROWS, int SPLITS, class T, class V, class M, class L, class O, class C>
__device__ __forceinline__ void few_queries(const T* __restrict__ q, const T* __restrict__ k,
                                            const V* __restrict__ v, const M* __restrict__ mask,
                                            const L* __restrict__ lengths,
                                            const O* __restrict__ offsets, T* __restrict__ y,
                                            C* __restrict__ states, C* __restrict__ results) {
  using Sizes = TeamSizes<S, T, V>;
  using Logit = Logits<S, M, C>;
  constexpr int lanes = Sizes::lanes, teams = Sizes::teams, unroll = Sizes::unroll;
  constexpr int k_width = Sizes::k_width, k_each = Sizes::k_each;
  constexpr int v_width = Sizes::v_width, v_each = Sizes::v_each;
  constexpr int row_tiles = (Rows<S>::count + ROWS - 1) / ROWS, warps = Sizes::threads / 32;
  __shared__ RowState<C> warp_states[warps][ROWS];
  __shared__ C warp_results[warps][ROWS][S::value_size];

  const int block = static_cast<int>(blockIdx.x);
  const int split = block % SPLITS, tile = block / SPLITS % row_tiles;
  const int part_index = block / SPLITS / row_tiles;
  const Part part = part_of<S>(part_index);
  const int begin_row = tile * ROWS;
  const int end_row = begin_row + ROWS < Rows<S>::count ? begin_row + ROWS : Rows<S>::count;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % lanes, team = thread / lanes;

  Range ranges[ROWS];
  const M* masks[ROWS];
  C queries[ROWS][k_each][k_width], sums[ROWS][v_each][v_width];
  RowState<C> state[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    const int row = begin_row + r < end_row ? begin_row + r : end_row - 1;
    ranges[r] = attended<S>(part.batch, row % S::queries, lengths, offsets);
    masks[r] = mask;
    if constexpr (S::has_mask)
      masks[r] += row_offset<S>(part, row, S::mask_batch, S::mask_head, S::mask_row);
    load_lane<S::size, lanes>(q + row_offset<S>(part, row, S::q_batch, S::q_head, S::q_row), lane,
                              true, queries[r]);
    state[r] = {-kInfinity, 0};
#pragma unroll
    for (int i = 0; i < v_each; ++i) {
#pragma unroll
      for (int j = 0; j < v_width; ++j) sums[r][i][j] = 0;
    }
  }
  k += part.batch * S::k_batch + part.group * S::k_head;
  v += part.batch * S::v_batch + part.group * S::v_head;
  const Range whole = attended_by_rows<S>(part.batch, begin_row, end_row, lengths, offsets);
  const int count = whole.last > whole.first ? whole.last - whole.first : 0;
  const int piece = (count + SPLITS - 1) / SPLITS;
  const int begin = whole.first + piece * split;
  const int end = begin + piece < whole.last ? begin + piece : whole.last;

  // All lanes of a warp take part in all steps, since they exchange numbers.
#pragma unroll 1
  for (int start = begin; start < end; start += teams * unroll) {
    C keys[unroll][k_each][k_width], values[unroll][v_each][v_width];
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      const int key = start + u * teams + team;
      load_lane<S::size, lanes>(k + key * S::k_row, lane, key < end, keys[u]);
      load_lane<S::value_size, lanes>(v + key * S::v_row, lane, key < end, values[u]);
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      C logits[unroll], most = state[r].largest;
#pragma unroll
      for (int u = 0; u < unroll; ++u) {
        const int key = start + u * teams + team;
        C product = 0;
#pragma unroll
        for (int i = 0; i < k_each; ++i) {
#pragma unroll
          for (int j = 0; j < k_width; ++j) product += queries[r][i][j] * keys[u][i][j];
        }
#pragma unroll
        for (int step = lanes / 2; step > 0; step /= 2)
          product += __shfl_xor_sync(0xffffffffu, product, step);
        const bool takes = key < end && key >= ranges[r].first && key < ranges[r].last;
        logits[u] = takes ? Logit::of(product, masks[r], key) : C(-kInfinity);
        most = larger(most, logits[u]);
      }
      const C finite = Logit::finite(most), factor = Logit::power_of(state[r].largest, finite);
      state[r].largest = most;
      state[r].sum *= factor;
#pragma unroll
      for (int u = 0; u < unroll; ++u) {
        logits[u] = Logit::power_of(logits[u], finite);
        state[r].sum += logits[u];
      }
#pragma unroll
      for (int i = 0; i < v_each; ++i) {
#pragma unroll
        for (int j = 0; j < v_width; ++j) {
          C sum = sums[r][i][j] * factor;
#pragma unroll
          for (int u = 0; u < unroll; ++u) sum += logits[u] * values[u][i][j];
          sums[r][i][j] = sum;
        }
      }
    }
  }

#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    C most = state[r].largest;
#pragma unroll
    for (int step = lanes; step < 32; step *= 2)
      most = larger(most, __shfl_xor_sync(0xffffffffu, most, step));
    const C factor = Logit::power_of(state[r].largest, Logit::finite(most));
    C sum = state[r].sum * factor;
#pragma unroll
    for (int step = lanes; step < 32; step *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (thread % 32 == 0) warp_states[thread / 32][r] = {most, sum};
#pragma unroll
    for (int i = 0; i < v_each; ++i) {
#pragma unroll
      for (int j = 0; j < v_width; ++j) {
        C result = sums[r][i][j] * factor;
#pragma unroll
        for (int step = lanes; step < 32; step *= 2)
          result += __shfl_xor_sync(0xffffffffu, result, step);
        const int column = (lane + i * lanes) * v_width + j;
        if (thread % 32 < lanes && column < S::value_size)
          warp_results[thread / 32][r][column] = result;
      }
    }
  }
  __syncthreads();
  for (int item = thread; item < (end_row - begin_row) * S::value_size; item += Sizes::threads) {
    const int r = item / S::value_size, column = item % S::value_size, row = begin_row + r;
    C most = -kInfinity, sum = 0, result = 0;
#pragma unroll
    for (int w = 0; w < warps; ++w) most = larger(most, warp_states[w][r].largest);
#pragma unroll
    for (int w = 0; w < warps; ++w) {
      const C factor = Logit::power_of(warp_states[w][r].largest, Logit::finite(most));
      sum += warp_states[w][r].sum * factor;
      result += warp_results[w][r][column] * factor;
    }
    if constexpr (SPLITS == 1) {
      y[row_offset<S>(part, row, S::y_batch, S::y_head, S::y_row) + column] =
          from_compute<T>(sum == 0 ? C(0) : result / sum);
    } else {
      const i64 at = (static_cast<i64>(split) * Rows<S>::parts + part_index) * Rows<S>::count + row;
      results[at * S::value_size + column] = result;
      if (column == 0) {
        states[at * 2] = most;
        states[at * 2 + 1] = sum;
      }
    }
  }
}

/// Adds up what the pieces left, for a thread an element of y. `mask` says what power logits are
/// for.
template <class S, int SPLITS, class T, class M, class C>
__device__ __forceinline__ void combine(const C* __restrict__ states, const C* __restrict__ results,
                                        const M*, T* __restrict__ y) {
  using Logit = Logits<S, M, C>;
  constexpr i64 rows = static_cast<i64>(Rows<S>::parts) * Rows<S>::count;
  const i64 item = global_thread();
  if (item >= rows * S::value_size) return;
  const i64 row = item / S::value_size;
  const int column = static_cast<int>(item % S::value_size);
  C most = -kInfinity, sum = 0, result = 0;
  for (int i = 0; i < SPLITS; ++i) most = larger(most, states[(i * rows + row) * 2]);
  const C finite = Logit::finite(most);
  for (int i = 0; i < SPLITS; ++i) {
    const i64 at = i * rows + row;
    const C factor = Logit::power_of(states[at * 2], finite);
    sum += states[at * 2 + 1] * factor;
    result += results[at * S::value_size + column] * factor;
  }
  const Part part = part_of<S>(static_cast<int>(row / Rows<S>::count));
  y[row_offset<S>(part, static_cast<int>(row % Rows<S>::count), S::y_batch, S::y_head, S::y_row) +
    column] = from_compute<T>(sum == 0 ? C(0) : result / sum);
}

}  // namespace attention
