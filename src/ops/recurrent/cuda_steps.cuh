#pragma once

#include "ops/matmul/cuda_few_lines.cuh"
#include "ops/recurrent/cuda_cells.cuh"

// One step of all directions and sequences. Which step it is, is how far apart two pointers are, so
// that all steps are the same code and none waits for memory to know its number.

namespace recurrent {

/// Some neighbours of T in a load of up to 16 bytes that rows of SIZE elements are made of.
template <class T, int SIZE>
__device__ constexpr int load_width() {
  int width = 16 / static_cast<int>(sizeof(T));
  while (SIZE % width != 0) width /= 2;
  return width;
}

__device__ constexpr int power_of_two_from(int n) {
  int result = 1;
  while (result < n) result *= 2;
  return result;
}

/// COUNT sums over a warp, number i for the lanes i * 32 / COUNT and those behind: lanes that are
/// BIT apart share the work, each sends the half of its numbers that the other one goes on with.
template <int COUNT, int BIT, class C, int SIZE>
__device__ __forceinline__ void share_sums(C (&values)[SIZE], int lane) {
  if constexpr (COUNT > 1) {
    constexpr int half = COUNT / 2;
    const bool upper = (lane & BIT) != 0;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const C given = upper ? values[i] : values[i + half];
      const C kept = upper ? values[i + half] : values[i];
      values[i] = kept + __shfl_xor_sync(0xffffffffu, given, BIT);
    }
    share_sums<half, BIT / 2>(values, lane);
  } else if constexpr (BIT > 0) {
    values[0] += __shfl_xor_sync(0xffffffffu, values[0], BIT);
    share_sums<1, BIT / 2>(values, lane);
  }
}

/// Sums over a warp: lane b gets those of sequence b.
template <class C, int GATES, int BATCH>
__device__ __forceinline__ void sums_of_lane(const C (&sums)[GATES][BATCH], C (&own)[GATES]) {
  constexpr int gates = power_of_two_from(GATES), batch = power_of_two_from(BATCH);
  constexpr int count = gates * batch;
  static_assert(count <= 32, "a number a lane");
  const int lane = static_cast<int>(threadIdx.x) % 32;
  C values[count];
#pragma unroll
  for (int i = 0; i < count; ++i) {
    const int g = i % gates, b = i / gates;
    values[i] = g < GATES && b < BATCH ? sums[g < GATES ? g : 0][b < BATCH ? b : 0] : C(0);
  }
  share_sums<count, 16>(values, lane);
  constexpr int lanes = 32 / count;  // that have the same number
#pragma unroll
  for (int g = 0; g < GATES; ++g)
    own[g] = __shfl_sync(0xffffffffu, values[0], (lane % batch * gates + g) * lanes);
}

/// The products of r [D, G · H, H] with a state, and what follows them: a warp a hidden unit, for
/// BATCH sequences, whose states lie in shared memory, as much of them at a time as there is room.
template <class S, int PHASE, int UNITS, int BATCH, class C, class R, class B, class L, class P,
          class T>
__device__ __forceinline__ void step_of_units(
    const R* __restrict__ r, const C* __restrict__ projection, const B* __restrict__ bias,
    const L* __restrict__ lengths, const P* __restrict__ peepholes, const C* __restrict__ h,
    C* __restrict__ next_h, C* __restrict__ kept, C* __restrict__ reset, T* __restrict__ y,
    const unsigned char* zero, const unsigned char* step) {
  using This = Phase<S, PHASE>;
  constexpr int threads = UNITS * 32, width = load_width<R, S::hidden>(), lane_step = 32 * width;
  constexpr int most = 32 * 1024 / static_cast<int>(sizeof(C)) / BATCH / lane_step * lane_step;
  constexpr int depth = S::hidden < most ? S::hidden : most;
  constexpr int pitch = (depth + 3) / 4 * 4;  // rows of 16 bytes
  constexpr int unit_blocks = (S::hidden + UNITS - 1) / UNITS;
  constexpr int batch_tiles = (S::batch + BATCH - 1) / BATCH;
  __shared__ Several<C, 4> state_tile[BATCH * pitch / 4];
  C* states = state_tile->at;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int block = static_cast<int>(blockIdx.x), d = block / unit_blocks / batch_tiles;
  const int first = block / unit_blocks % batch_tiles * BATCH;
  const int unit = block % unit_blocks * UNITS + thread / 32;
  const int j = unit < S::hidden ? unit : S::hidden - 1;
  const C* from = (PHASE == 1 ? reset : h) + state_offset<S>(d, first, 0);
  const R* rows = r + ((static_cast<i64>(d) * S::gates + This::first) * S::hidden + j) * S::hidden;

  // Weights are asked for before the state is there, and each run before the last one is used.
  constexpr int run = 4, run_step = run * lane_step;
  using Weights = Several<R, width>;
  Weights weights[run][This::gates], next_weights[run][This::gates];
  const auto load = [&](Weights(&to)[run][This::gates], int start, int end) {
#pragma unroll
    for (int i = 0; i < run; ++i) {
      const int k = start + i * lane_step + lane * width;
#pragma unroll
      for (int g = 0; g < This::gates; ++g) {
        if (k < end) {
          to[i][g] = *reinterpret_cast<const Weights*>(
              rows + (static_cast<i64>(g) * S::hidden * S::hidden + k));
        } else {
          to[i][g] = {};
        }
      }
    }
  };
  C sums[This::gates][BATCH] = {};
#pragma unroll 1
  for (int begin = 0; begin < S::hidden; begin += depth) {
    const int count = S::hidden - begin < depth ? S::hidden - begin : depth;
    load(weights, begin, begin + count);
    if (begin != 0) __syncthreads();
    for (int item = thread; item < BATCH * pitch; item += threads) {
      const int b = item / pitch, k = item % pitch;
      states[item] = first + b < S::batch && k < count
                         ? from[static_cast<i64>(b) * S::hidden + begin + k]
                         : C(0);
    }
    __syncthreads();
#pragma unroll 1
    for (int start = 0; start < count; start += run_step) {
      const bool more = start + run_step < count;
      if (more) load(next_weights, begin + start + run_step, begin + count);
#pragma unroll
      for (int i = 0; i < run; ++i) {
        const int k = start + i * lane_step + lane * width;
        if (k >= count) break;
#pragma unroll
        for (int b = 0; b < BATCH; ++b) {
          constexpr int some = width < 4 ? width : 4;
#pragma unroll
          for (int n = 0; n < width; n += some) {
            const auto x = *reinterpret_cast<const Several<C, some>*>(states + b * pitch + k + n);
#pragma unroll
            for (int g = 0; g < This::gates; ++g) {
#pragma unroll
              for (int m = 0; m < some; ++m)
                sums[g][b] += static_cast<C>(to_compute(weights[i][g].at[n + m])) * x.at[m];
            }
          }
        }
      }
#pragma unroll
      for (int i = 0; i < run; ++i) {
#pragma unroll
        for (int g = 0; g < This::gates; ++g) weights[i][g] = next_weights[i][g];
      }
    }
  }

  C own[This::gates];
  sums_of_lane(sums, own);
  if (lane < BATCH && first + lane < S::batch && unit < S::hidden)
    finish_unit<S, PHASE>(static_cast<int>(step - zero), d, first + lane, j, own, projection, bias,
                          lengths, peepholes, h, next_h, kept, reset, y);
}

/// What follows the products of r with a state, `sums` [D, B, gates of this phase · H].
template <class S, int PHASE, class C, class B, class L, class P, class T>
__device__ __forceinline__ void step_of_sums(
    const C* __restrict__ sums, const C* __restrict__ projection, const B* __restrict__ bias,
    const L* __restrict__ lengths, const P* __restrict__ peepholes, const C* __restrict__ h,
    C* __restrict__ next_h, C* __restrict__ kept, C* __restrict__ reset, T* __restrict__ y,
    const unsigned char* zero, const unsigned char* step) {
  using This = Phase<S, PHASE>;
  const i64 at = global_thread();
  if (at >= static_cast<i64>(S::directions) * S::batch * S::hidden) return;
  const int j = static_cast<int>(at % S::hidden), b = static_cast<int>(at / S::hidden % S::batch);
  const C* from = sums + (at / S::hidden * This::gates * S::hidden + j);
  C own[This::gates];
#pragma unroll
  for (int g = 0; g < This::gates; ++g) own[g] = from[g * S::hidden];
  finish_unit<S, PHASE>(static_cast<int>(step - zero), static_cast<int>(at / S::hidden / S::batch),
                        b, j, own, projection, bias, lengths, peepholes, h, next_h, kept, reset, y);
}

}  // namespace recurrent
