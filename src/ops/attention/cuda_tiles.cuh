#pragma once

#include "ops/attention/cuda_scores.cuh"

// Attention as in FlashAttention-2 (Dao 2023): a block keeps the results of some rows in registers
// and goes over tiles of keys; a larger logit than those before scales what was summed up so far.
// All products in float.

namespace attention {

/// Sixteen neighbouring threads share rows: their logits, and columns of the result in runs of
/// four.
template <class S, int ROWS, int KEYS>
struct TileSizes {
  static constexpr int threads = 128, column_threads = 16, row_threads = threads / column_threads;
  static constexpr int rows_each = ROWS / row_threads, keys_each = KEYS / column_threads;
  static constexpr int depth = (S::size + 3) / 4 * 4;
  static constexpr int pitch = depth / 4 % 2 == 0 ? depth + 4 : depth;  // an odd number of 16 bytes
  static constexpr int value_pitch = (S::value_size + 3) / 4 * 4;
  static constexpr int runs = (value_pitch / 4 + column_threads - 1) / column_threads;
  static constexpr int power_pitch = KEYS + 4;
  static constexpr int k_floats = KEYS * pitch, v_floats = KEYS * value_pitch;
  static constexpr int fixed_floats = ROWS * (pitch + power_pitch);
  /// Whether keys and values have room beside each other.
  static constexpr bool apart = (fixed_floats + k_floats + v_floats) * 4 <= 46 * 1024;
  static constexpr int v_at = apart ? k_floats : 0;
  static constexpr int kv_floats = apart                 ? k_floats + v_floats
                                   : k_floats > v_floats ? k_floats
                                                         : v_floats;
};

/// Rows of SIZE elements into shared memory, PITCH apart; zeros from row `end` on and where rows
/// end in front of a multiple of four. row(i) is where row i begins.
template <int ROWS, int SIZE, int PITCH, int THREADS, class T, class RowAt>
__device__ __forceinline__ void load_rows(float* to, int end, const T* from, RowAt row) {
  constexpr int width = load_width<T, SIZE>();
  constexpr int across = (SIZE + 3) / 4 * 4 / width;
  constexpr int items = ROWS * across;
#pragma unroll 4
  for (int item = threadIdx.x; item < items; item += THREADS) {
    const int line = item / across, column = item % across * width;
    Several<float, width> values = {};
    if (line < end && column < SIZE) {
      const auto loaded = *reinterpret_cast<const Several<T, width>*>(from + row(line) + column);
#pragma unroll
      for (int i = 0; i < width; ++i) values.at[i] = to_compute(loaded.at[i]);
    }
    constexpr int stored = width < 4 ? width : 4;
#pragma unroll
    for (int i = 0; i < width; i += stored) {
      Several<float, stored> some;
#pragma unroll
      for (int j = 0; j < stored; ++j) some.at[j] = values.at[i + j];
      *reinterpret_cast<Several<float, stored>*>(to + line * PITCH + column + i) = some;
    }
  }
}

using Four = Several<float, 4>;

__device__ __forceinline__ Four read_four(const float* from) {
  return *reinterpret_cast<const Four*>(from);
}

template <class S, int ROWS, int KEYS, class T, class V, class M, class L, class O>
__device__ __forceinline__ void tiles(const T* __restrict__ q, const T* __restrict__ k,
                                      const V* __restrict__ v, const M* __restrict__ mask,
                                      const L* __restrict__ lengths, const O* __restrict__ offsets,
                                      T* __restrict__ y) {
  using Sizes = TileSizes<S, ROWS, KEYS>;
  using Logit = Logits<S, M, float>;
  constexpr int rows_each = Sizes::rows_each, keys_each = Sizes::keys_each, runs = Sizes::runs;
  constexpr int row_tiles = (Rows<S>::count + ROWS - 1) / ROWS;
  __shared__ Four q_tile[ROWS * Sizes::pitch / 4], kv_tile[Sizes::kv_floats / 4];
  __shared__ Four power_tile[ROWS * Sizes::power_pitch / 4];
  float *queries = q_tile->at, *keys = kv_tile->at, *values = keys + Sizes::v_at;
  float* powers = power_tile->at;

  // Later rows have more keys where the attention is causal; they begin first.
  const int block = static_cast<int>(blockIdx.x);
  const Part part = part_of<S>(block % Rows<S>::parts);
  const int begin_row = (row_tiles - 1 - block / Rows<S>::parts) * ROWS;
  const int end_row = begin_row + ROWS < Rows<S>::count ? begin_row + ROWS : Rows<S>::count;
  const int column_thread = static_cast<int>(threadIdx.x) % Sizes::column_threads;
  const int row_thread = static_cast<int>(threadIdx.x) / Sizes::column_threads;

  const Range whole = attended_by_rows<S>(part.batch, begin_row, end_row, lengths, offsets);
  Range ranges[rows_each];
  const M* masks[rows_each];
  float largest[rows_each], sums[rows_each], results[rows_each][runs][4];
#pragma unroll
  for (int i = 0; i < rows_each; ++i) {
    const int row = begin_row + row_thread + i * Sizes::row_threads;
    const int own = row < end_row ? row : end_row - 1;
    ranges[i] = attended<S>(part.batch, own % S::queries, lengths, offsets);
    masks[i] = mask;
    if constexpr (S::has_mask)
      masks[i] += row_offset<S>(part, own, S::mask_batch, S::mask_head, S::mask_row);
    largest[i] = -kInfinity;
    sums[i] = 0;
#pragma unroll
    for (int run = 0; run < runs; ++run) {
#pragma unroll
      for (int j = 0; j < 4; ++j) results[i][run][j] = 0;
    }
  }
  load_rows<ROWS, S::size, Sizes::pitch, Sizes::threads>(
      queries, end_row - begin_row, q, [=](int line) {
        return row_offset<S>(part, begin_row + line, S::q_batch, S::q_head, S::q_row);
      });
  k += part.batch * S::k_batch + part.group * S::k_head;
  v += part.batch * S::v_batch + part.group * S::v_head;

#pragma unroll 1
  for (int start = whole.first; start < whole.last; start += KEYS) {
    __syncthreads();
    load_rows<KEYS, S::size, Sizes::pitch, Sizes::threads>(
        keys, whole.last - start, k, [=](int line) { return (start + line) * S::k_row; });
    const auto load_values = [&] {
      load_rows<KEYS, S::value_size, Sizes::value_pitch, Sizes::threads>(
          values, whole.last - start, v, [=](int line) { return (start + line) * S::v_row; });
    };
    if constexpr (Sizes::apart) load_values();
    __syncthreads();

    float logits[rows_each][keys_each];
#pragma unroll
    for (int i = 0; i < rows_each; ++i) {
#pragma unroll
      for (int j = 0; j < keys_each; ++j) logits[i][j] = 0;
    }
#pragma unroll 4
    for (int at = 0; at < Sizes::depth; at += 4) {
      Four right[keys_each];
#pragma unroll
      for (int j = 0; j < keys_each; ++j)
        right[j] =
            read_four(keys + (column_thread + j * Sizes::column_threads) * Sizes::pitch + at);
#pragma unroll
      for (int i = 0; i < rows_each; ++i) {
        const Four left =
            read_four(queries + (row_thread + i * Sizes::row_threads) * Sizes::pitch + at);
#pragma unroll
        for (int j = 0; j < keys_each; ++j) {
#pragma unroll
          for (int c = 0; c < 4; ++c) logits[i][j] += left.at[c] * right[j].at[c];
        }
      }
    }
    if constexpr (!Sizes::apart) {
      __syncthreads();
      load_values();
    }

#pragma unroll
    for (int i = 0; i < rows_each; ++i) {
      float most = largest[i];
#pragma unroll
      for (int j = 0; j < keys_each; ++j) {
        const int key = start + column_thread + j * Sizes::column_threads;
        logits[i][j] = key >= ranges[i].first && key < ranges[i].last
                           ? Logit::of(logits[i][j], masks[i], key)
                           : -kInfinity;
        most = larger(most, logits[i][j]);
      }
#pragma unroll
      for (int lane = Sizes::column_threads / 2; lane > 0; lane /= 2)
        most = larger(most, __shfl_xor_sync(0xffffffffu, most, lane));
      const float finite = Logit::finite(most), factor = Logit::power_of(largest[i], finite);
      largest[i] = most;
      sums[i] *= factor;
      float* to = powers + (row_thread + i * Sizes::row_threads) * Sizes::power_pitch;
#pragma unroll
      for (int j = 0; j < keys_each; ++j) {
        const float power = Logit::power_of(logits[i][j], finite);
        sums[i] += power;
        to[column_thread + j * Sizes::column_threads] = power;
      }
#pragma unroll
      for (int run = 0; run < runs; ++run) {
#pragma unroll
        for (int j = 0; j < 4; ++j) results[i][run][j] *= factor;
      }
    }
    if constexpr (Sizes::apart) {
      __syncwarp();
    } else {
      __syncthreads();
    }

#pragma unroll 2
    for (int key = 0; key < KEYS; key += 4) {
      Four left[rows_each];
#pragma unroll
      for (int i = 0; i < rows_each; ++i)
        left[i] =
            read_four(powers + (row_thread + i * Sizes::row_threads) * Sizes::power_pitch + key);
#pragma unroll
      for (int run = 0; run < runs; ++run) {
        const int column = (column_thread + run * Sizes::column_threads) * 4;
        if (column >= Sizes::value_pitch) continue;
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const Four right = read_four(values + (key + c) * Sizes::value_pitch + column);
#pragma unroll
          for (int i = 0; i < rows_each; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) results[i][run][j] += left[i].at[c] * right.at[j];
          }
        }
      }
    }
  }

#pragma unroll
  for (int i = 0; i < rows_each; ++i) {
    float sum = sums[i];
#pragma unroll
    for (int lane = Sizes::column_threads / 2; lane > 0; lane /= 2)
      sum += __shfl_xor_sync(0xffffffffu, sum, lane);
    const int row = begin_row + row_thread + i * Sizes::row_threads;
    if (row >= end_row) continue;
    const float factor = sum == 0 ? 0 : 1 / sum;
    T* to = y + row_offset<S>(part, row, S::y_batch, S::y_head, S::y_row);
#pragma unroll
    for (int run = 0; run < runs; ++run) {
      const int column = (column_thread + run * Sizes::column_threads) * 4;
      if constexpr (S::value_size % 4 == 0) {
        if (column >= S::value_size) continue;
        Several<T, 4> four;
#pragma unroll
        for (int j = 0; j < 4; ++j) four.at[j] = from_compute<T>(results[i][run][j] * factor);
        *reinterpret_cast<Several<T, 4>*>(to + column) = four;
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (column + j < S::value_size)
            to[column + j] = from_compute<T>(results[i][run][j] * factor);
        }
      }
    }
  }
}

}  // namespace attention
