#pragma once

#include "ops/reduce/cuda_folds.cuh"
#include "ops/reduce/cuda_team.cuh"

// Reductions over some axes. `Kept` and `To` give the offsets of result number o in x and in y,
// `Reduced` that of the reduced element number k from there (of vector k, where WIDTH neighbours
// are loaded at once). Where PARTS blocks share a result, they leave states in scratch memory, of
// part p and result o at [p][o], which `parts` folds.

namespace reduce {

/// States of WIDTH elements that entered.
template <class Fold, int WIDTH, class T>
__device__ __forceinline__ void enter(const T* from, typename Fold::State* totals) {
  constexpr int piece = sizeof(T) * WIDTH <= 16 ? WIDTH : static_cast<int>(16 / sizeof(T));
#pragma unroll
  for (int i = 0; i < WIDTH; i += piece) {
    const auto values = *reinterpret_cast<const Several<T, piece>*>(from + i);
#pragma unroll
    for (int k = 0; k < piece; ++k)
      totals[i + k] = Fold::combine(totals[i + k], Fold::of(accumulated(values.at[k])));
  }
}

/// The innermost axis in memory is reduced: a team of LANES threads for each result.
template <class Fold, class T, class Index, class Kept, class To, class Reduced, i64 OUTPUTS,
          i64 VECTORS, int WIDTH, int LANES, int THREADS, int PARTS>
__device__ __forceinline__ void rows(const T* __restrict__ x, void* result) {
  using State = typename Fold::State;
  constexpr int teams = THREADS / LANES;
  const i64 team = static_cast<i64>(blockIdx.x) * teams + threadIdx.x / LANES;
  const bool inside = team < OUTPUTS * PARTS;
  const i64 output = inside ? team / PARTS : 0, part = inside ? team % PARTS : 0;
  constexpr i64 chunk = (VECTORS + PARTS - 1) / PARTS;
  const i64 rest = VECTORS - part * chunk;
  const Index first = static_cast<Index>(part * chunk),
              last = static_cast<Index>(first + (rest < chunk ? rest : chunk));
  const T* from = x + Kept::of(static_cast<Index>(output));
  State totals[WIDTH];
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) totals[i] = Fold::initial();
  constexpr i64 turns = (chunk + LANES - 1) / LANES;
  const Index own = first + static_cast<Index>(threadIdx.x % LANES);
  if constexpr (turns <= 8) {
#pragma unroll
    for (int i = 0; i < static_cast<int>(turns); ++i) {
      const Index k = own + i * LANES;
      if (k < last) enter<Fold, WIDTH>(from + Reduced::of(k), totals);
    }
  } else {
#pragma unroll 4
    for (Index k = own; k < last; k += LANES) enter<Fold, WIDTH>(from + Reduced::of(k), totals);
  }
  State total = totals[0];
#pragma unroll
  for (int i = 1; i < WIDTH; ++i) total = Fold::combine(total, totals[i]);
  total = team_reduce<Fold, LANES>(total);
  if (!inside || threadIdx.x % LANES != 0) return;
  if constexpr (PARTS > 1) {
    static_cast<State*>(result)[part * OUTPUTS + output] = total;
  } else {
    static_cast<T*>(result)[To::of(static_cast<Index>(output))] =
        Fold::finish(total, VECTORS * WIDTH);
  }
}

/// The innermost axis in memory, of COLUMNS vectors, is kept: X threads for neighbouring vectors,
/// and Y threads that share each one's reduced elements. Kept counts over the kept axes but the
/// innermost one. DENSE: results of neighbouring columns are neighbours and vectors in y aligned.
template <class Fold, class T, class Index, class Kept, class To, class Reduced, i64 LINES,
          i64 COLUMNS, i64 COUNT, int WIDTH, int X, int Y, int PARTS, bool DENSE>
__device__ __forceinline__ void columns(const T* __restrict__ x, void* result) {
  using State = typename Fold::State;
  constexpr i64 tiles = (LINES + X - 1) / X;
  const i64 part = blockIdx.x / tiles, first_line = blockIdx.x % tiles * X;
  const int column = threadIdx.x % X, share = threadIdx.x / X;
  const i64 line = first_line + column;
  constexpr i64 chunk = (COUNT + PARTS - 1) / PARTS;
  const i64 rest = COUNT - part * chunk;
  const Index first = static_cast<Index>(part * chunk),
              last = static_cast<Index>(first + (rest < chunk ? rest : chunk));
  State totals[WIDTH];
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) totals[i] = Fold::initial();
  if (line < LINES) {
    const Index at = static_cast<Index>(line);
    const T* from = x + Kept::of(static_cast<Index>(at / static_cast<Index>(COLUMNS))) +
                    at % static_cast<Index>(COLUMNS) * WIDTH;
#pragma unroll 4
    for (Index k = first + share; k < last; k += Y)
      enter<Fold, WIDTH>(from + Reduced::of(k), totals);
  }
  if constexpr (Y == 1 && PARTS == 1 && DENSE) {
    if (line >= LINES) return;
    constexpr int piece = sizeof(T) * WIDTH <= 16 ? WIDTH : static_cast<int>(16 / sizeof(T));
    T* to = static_cast<T*>(result) + To::of(static_cast<Index>(line * WIDTH));
#pragma unroll
    for (int i = 0; i < WIDTH; i += piece) {
      Several<T, piece> values;
#pragma unroll
      for (int k = 0; k < piece; ++k) values.at[k] = Fold::finish(totals[i + k], COUNT);
      store_words(values, to + i);
    }
  } else {
    __shared__ State partial[Y][X * WIDTH];
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) partial[share][column * WIDTH + i] = totals[i];
    __syncthreads();
    for (int i = threadIdx.x; i < X * WIDTH; i += X * Y) {
      const i64 output = first_line * WIDTH + i;
      if (output >= LINES * WIDTH) return;
      State total = partial[0][i];
#pragma unroll
      for (int k = 1; k < Y; ++k) total = Fold::combine(total, partial[k][i]);
      if constexpr (PARTS > 1) {
        static_cast<State*>(result)[part * LINES * WIDTH + output] = total;
      } else {
        static_cast<T*>(result)[To::of(static_cast<Index>(output))] = Fold::finish(total, COUNT);
      }
    }
  }
}

/// Folds the states of PARTS parts, a warp for each result.
template <class Fold, class T, class Index, class To, i64 OUTPUTS, i64 COUNT, int PARTS,
          int THREADS>
__device__ __forceinline__ void parts(const void* states, T* __restrict__ y) {
  using State = typename Fold::State;
  const i64 own = static_cast<i64>(blockIdx.x) * (THREADS / 32) + threadIdx.x / 32;
  const i64 output = own < OUTPUTS ? own : 0;
  State total = Fold::initial();
  for (int part = threadIdx.x % 32; part < PARTS; part += 32)
    total = Fold::combine(total, static_cast<const State*>(states)[part * OUTPUTS + output]);
  total = team_reduce<Fold, 32>(total);
  if (own < OUTPUTS && threadIdx.x % 32 == 0)
    y[To::of(static_cast<Index>(output))] = Fold::finish(total, COUNT);
}

}  // namespace reduce
