#pragma once

#include "ops/attention/cuda_scores.cuh"
#include "targets/cuda/code/copy_later.cuh"
#include "targets/cuda/code/matrix_units.cuh"

// Attention of f16 or bf16 on the matrix units, as in FlashAttention-2 (Dao 2023): a warp keeps 16
// rows of q and of the result in registers; the logits of a tile of keys, as the matrix unit leaves
// them, are in the places where it wants the probabilities as a left factor.

namespace attention {

/// Tiles of keys and values, [key][size, in whole fragments] with rows apart by an odd number of 16
/// bytes; the next tile is copied while one is used.
template <class S, int KEYS>
struct MatrixSizes {
  static constexpr int depth_steps = (S::size + 15) / 16, value_steps = (S::value_size + 15) / 16;
  static constexpr int k_pitch = depth_steps * 16 + 8, v_pitch = value_steps * 16 + 8;
  static constexpr int k_halves = KEYS * k_pitch, v_halves = KEYS * v_pitch;
  static_assert(S::size % 8 == 0 && S::value_size % 8 == 0 && KEYS % 16 == 0, "whole loads");
};

/// `count` rows of SIZE halves into shared memory, zeros behind them and from there to KEYS rows.
template <int KEYS, int SIZE, int PITCH, int THREADS, class T>
__device__ __forceinline__ void copy_rows(unsigned short* to, const T* from, i64 step, int count) {
  constexpr int across = (SIZE + 15) / 16 * 2, items = KEYS * across;
#pragma unroll
  for (int i = 0; i < (items + THREADS - 1) / THREADS; ++i) {
    const int item = i * THREADS + static_cast<int>(threadIdx.x);
    if (items % THREADS != 0 && item >= items) continue;
    const int line = item / across, column = item % across * 8;
    const bool valid = line < count && column < SIZE;
    copy_later<16>(to + line * PITCH + column, from + (valid ? line * step + column : 0), valid);
  }
}

template <class S, int WARPS, int KEYS, class T, class M, class L, class O>
__device__ __forceinline__ void matrix_units(const T* __restrict__ q, const T* __restrict__ k,
                                             const T* __restrict__ v, const M* __restrict__ mask,
                                             const L* __restrict__ lengths,
                                             const O* __restrict__ offsets, T* __restrict__ y) {
  using Sizes = MatrixSizes<S, KEYS>;
  using Logit = Logits<S, M, float>;
  constexpr int threads = WARPS * 32, block_rows = WARPS * 16;
  constexpr int row_tiles = (Rows<S>::count + block_rows - 1) / block_rows;
  constexpr int depth_steps = Sizes::depth_steps, value_steps = Sizes::value_steps;
  constexpr int key_steps = KEYS / 16;
  __shared__ Several<unsigned short, 8> k_tile[2][Sizes::k_halves / 8];
  __shared__ Several<unsigned short, 8> v_tile[2][Sizes::v_halves / 8];

  // Later rows have more keys where the attention is causal; they begin first.
  const int block = static_cast<int>(blockIdx.x);
  const Part part = part_of<S>(block % Rows<S>::parts);
  const int begin_row = (row_tiles - 1 - block / Rows<S>::parts) * block_rows;
  const int end_row =
      begin_row + block_rows < Rows<S>::count ? begin_row + block_rows : Rows<S>::count;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int line = lane / 4, pair = lane % 4 * 2;

  // This lane's two rows.
  Range ranges[2];
  const M* masks[2];
  unsigned queries[depth_steps][4];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row = begin_row + thread / 32 * 16 + i * 8 + line;
    const int own = row < end_row ? row : end_row - 1;
    ranges[i] = attended<S>(part.batch, own % S::queries, lengths, offsets);
    masks[i] = mask;
    if constexpr (S::has_mask)
      masks[i] += row_offset<S>(part, own, S::mask_batch, S::mask_head, S::mask_row);
    const T* from = q + row_offset<S>(part, own, S::q_batch, S::q_head, S::q_row) + pair;
#pragma unroll
    for (int step = 0; step < depth_steps; ++step) {
      queries[step][i] = *reinterpret_cast<const unsigned*>(from + step * 16);
      queries[step][i + 2] =
          step * 16 + 8 < S::size ? *reinterpret_cast<const unsigned*>(from + step * 16 + 8) : 0;
    }
  }
  float largest[2] = {-kInfinity, -kInfinity}, sums[2] = {0, 0};
  float results[value_steps * 2][4];
#pragma unroll
  for (int e = 0; e < value_steps * 2; ++e) {
#pragma unroll
    for (int i = 0; i < 4; ++i) results[e][i] = 0;
  }

  const Range whole = attended_by_rows<S>(part.batch, begin_row, end_row, lengths, offsets);
  k += part.batch * S::k_batch + part.group * S::k_head;
  v += part.batch * S::v_batch + part.group * S::v_head;
  const auto copy_tile = [&](int start, int stage) {
    copy_rows<KEYS, S::size, Sizes::k_pitch, threads>(k_tile[stage]->at, k + start * S::k_row,
                                                      S::k_row, whole.last - start);
    copy_rows<KEYS, S::value_size, Sizes::v_pitch, threads>(v_tile[stage]->at, v + start * S::v_row,
                                                            S::v_row, whole.last - start);
  };
  if (whole.first < whole.last) copy_tile(whole.first, 0);
  end_copies();

  int stage = 0;
#pragma unroll 1
  for (int start = whole.first; start < whole.last; start += KEYS) {
    if (start + KEYS < whole.last) copy_tile(start + KEYS, stage ^ 1);
    end_copies();
    wait_for_copies<1>();
    __syncthreads();

    float logits[KEYS / 8][4];
    const unsigned short* keys =
        k_tile[stage]->at + (lane / 16 * 8 + lane % 8) * Sizes::k_pitch + lane / 8 % 2 * 8;
#pragma unroll
    for (int n = 0; n < key_steps; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) logits[n * 2][i] = logits[n * 2 + 1][i] = 0;
#pragma unroll
      for (int step = 0; step < depth_steps; ++step) {
        unsigned both[4];
        load_blocks<false>(keys + n * 16 * Sizes::k_pitch + step * 16, both);
        const unsigned first[2] = {both[0], both[1]}, second[2] = {both[2], both[3]};
        mma_16x8x16<T>(logits[n * 2], queries[step], first);
        mma_16x8x16<T>(logits[n * 2 + 1], queries[step], second);
      }
    }

    float factors[2], finite[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float most = largest[i];
      const bool all = start >= ranges[i].first && start + KEYS <= ranges[i].last;
#pragma unroll
      for (int n = 0; n < KEYS / 8; ++n) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const int key = start + n * 8 + pair + j;
          float& logit = logits[n][i * 2 + j];
          logit = all || (key >= ranges[i].first && key < ranges[i].last)
                      ? Logit::of(logit, masks[i], key)
                      : -kInfinity;
          most = larger(most, logit);
        }
      }
      most = larger(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = larger(most, __shfl_xor_sync(0xffffffffu, most, 2));
      finite[i] = Logit::finite(most);
      factors[i] = Logit::power_of(largest[i], finite[i]);
      largest[i] = most;
      sums[i] *= factors[i];
    }
    unsigned powers[key_steps][4];
#pragma unroll
    for (int n = 0; n < KEYS / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float low = Logit::power_of(logits[n][i * 2], finite[i]);
        const float high = Logit::power_of(logits[n][i * 2 + 1], finite[i]);
        sums[i] += low + high;
        powers[n / 2][n % 2 * 2 + i] = pair_of<T>(low, high);
      }
    }
#pragma unroll
    for (int e = 0; e < value_steps * 2; ++e) {
#pragma unroll
      for (int i = 0; i < 4; ++i) results[e][i] *= factors[i / 2];
    }

    const unsigned short* values =
        v_tile[stage]->at + (lane / 8 % 2 * 8 + lane % 8) * Sizes::v_pitch + lane / 16 * 8;
#pragma unroll
    for (int n = 0; n < key_steps; ++n) {
#pragma unroll
      for (int e = 0; e < value_steps; ++e) {
        unsigned both[4];
        load_blocks<true>(values + n * 16 * Sizes::v_pitch + e * 16, both);
        const unsigned first[2] = {both[0], both[1]}, second[2] = {both[2], both[3]};
        mma_16x8x16<T>(results[e * 2], powers[n], first);
        mma_16x8x16<T>(results[e * 2 + 1], powers[n], second);
      }
    }
    __syncthreads();
    stage ^= 1;
  }

#pragma unroll
  for (int i = 0; i < 2; ++i) {
    float sum = sums[i];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    const int row = begin_row + thread / 32 * 16 + i * 8 + line;
    if (row >= end_row) continue;
    const float factor = sum == 0 ? 0 : 1 / sum;
    T* to = y + row_offset<S>(part, row, S::y_batch, S::y_head, S::y_row) + pair;
#pragma unroll
    for (int e = 0; e < S::value_size / 8; ++e) {
      *reinterpret_cast<unsigned*>(to + e * 8) =
          pair_of<T>(results[e][i * 2] * factor, results[e][i * 2 + 1] * factor);
    }
  }
}

}  // namespace attention
