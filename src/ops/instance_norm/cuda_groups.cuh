#pragma once

#include "ops/reduce/cuda_team.cuh"

// Group normalisation. A group's LENGTH elements are counted in the order of memory: runs of RUN
// neighbours, STEP elements apart.

namespace instance_norm {

__device__ __forceinline__ float inverse_root(float x) { return 1.0f / ::sqrtf(x); }
__device__ __forceinline__ double inverse_root(double x) { return 1.0 / ::sqrt(x); }

/// Where a group's elements are and which channels they belong to: each run is whole channels of
/// SPATIAL elements, or (SPATIAL is 1) one element of each channel. IMAGE and GROUP are the
/// elements between images and between groups.
template <i64 GROUPS, i64 CHANNELS, i64 LENGTH, i64 RUN, i64 STEP, i64 SPATIAL, i64 IMAGE,
          i64 GROUP>
struct Groups {
  static constexpr i64 groups = GROUPS, channels = CHANNELS, length = LENGTH, spatial = SPATIAL;
  static __device__ __forceinline__ i64 start(i64 group) {
    return group / GROUPS * IMAGE + group % GROUPS * GROUP;
  }
  template <class Index>
  static __device__ __forceinline__ Index offset(Index element) {
    if constexpr (RUN == LENGTH) {
      return element;
    } else {
      return element / static_cast<Index>(RUN) * static_cast<Index>(STEP) +
             element % static_cast<Index>(RUN);
    }
  }
  /// The channel of an element within its group.
  template <class Index>
  static __device__ __forceinline__ Index channel(Index element) {
    return element % static_cast<Index>(RUN) / static_cast<Index>(SPATIAL);
  }
};

/// Some elements' number, mean and sum of squared differences from it.
template <class C>
struct Moments {
  C count, mean, squares;
  static __device__ __forceinline__ Moments combine(Moments a, Moments b) {
    const C count = a.count + b.count;
    if (count == 0) return a;
    const C difference = b.mean - a.mean, part = b.count / count;
    return {count, a.mean + difference * part,
            a.squares + b.squares + difference * difference * a.count * part};
  }
};

/// The vectors of a piece of a group that a thread of LANES holds.
template <class G, class Index, int EACH, int WIDTH, int LANES, class T>
struct Held {
  using C = compute_t<T>;
  C values[EACH][WIDTH];
  Index first;  // element

  static constexpr Index length = static_cast<Index>(G::length);
  __device__ __forceinline__ Index element(int i) const { return first + i * (LANES * WIDTH); }

  __device__ __forceinline__ Held(const T* x, i64 start, i64 piece) {
    first = static_cast<Index>(piece * (static_cast<i64>(LANES) * WIDTH * EACH) +
                               threadIdx.x % LANES * WIDTH);
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      if (element(i) < length) {
        reduce::load<WIDTH>(x + start + G::offset(element(i)), values[i]);
      } else {
#pragma unroll
        for (int k = 0; k < WIDTH; ++k) values[i][k] = 0;
      }
    }
  }

  /// Of the whole team's elements.
  __device__ __forceinline__ Moments<C> moments(i64 piece) const {
    constexpr i64 most = static_cast<i64>(LANES) * WIDTH * EACH;
    const i64 rest = G::length - piece * most;
    const C count = static_cast<C>(rest < most ? rest : most);
    C sum = 0, squares = 0;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) sum += values[i][k];
    }
    const C mean = reduce::team_reduce<Sum<C>, LANES>(sum) / count;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      if (element(i) >= length) continue;
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) squares += (values[i][k] - mean) * (values[i][k] - mean);
    }
    return {count, mean, reduce::team_reduce<Sum<C>, LANES>(squares)};
  }

  template <bool PER_CHANNEL, unsigned EPSILON, class S, class B>
  __device__ __forceinline__ void write(const Moments<C>& all, i64 group, i64 start, const S* scale,
                                        const B* bias, T* y) {
    const C inverse = inverse_root(all.squares / static_cast<C>(G::length) +
                                   static_cast<C>(bits_to_float(EPSILON)));
    const Index own = static_cast<Index>(group % G::groups);
    constexpr Index together = static_cast<Index>(G::channels / G::groups);
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
      if (element(i) >= length) continue;
      C factor = 0, shift = 0;
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) {
        if (k == 0 || (PER_CHANNEL && G::spatial % WIDTH != 0)) {
          const Index at = PER_CHANNEL ? own * together + G::channel(element(i) + k) : own;
          factor = inverse * static_cast<C>(to_compute(scale[at]));
          shift = static_cast<C>(to_compute(bias[at]));
        }
        values[i][k] = (values[i][k] - all.mean) * factor + shift;
      }
      reduce::store<WIDTH>(values[i], y + start + G::offset(element(i)));
    }
  }
};

/// Groups that LANES threads hold.
template <class G, class Index, i64 TOTAL, int EACH, int WIDTH, int LANES, int THREADS,
          bool PER_CHANNEL, unsigned EPSILON, class T, class S, class B>
__device__ __forceinline__ void held(const T* __restrict__ x, const S* __restrict__ scale,
                                     const B* __restrict__ bias, T* __restrict__ y) {
  const i64 team = static_cast<i64>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
  const i64 group = team < TOTAL ? team : TOTAL - 1, start = G::start(group);
  Held<G, Index, EACH, WIDTH, LANES, T> part(x, start, 0);
  const auto all = part.moments(0);
  if (team < TOTAL) part.template write<PER_CHANNEL, EPSILON>(all, group, start, scale, bias, y);
}

/// The moments of PIECES pieces of each group, a block for each, to moments[group][piece].
template <class G, class Index, int PIECES, int EACH, int WIDTH, int THREADS, class T>
__device__ __forceinline__ void pieces(const T* __restrict__ x, compute_t<T>* moments) {
  const i64 group = blockIdx.x / PIECES, piece = blockIdx.x % PIECES;
  const Held<G, Index, EACH, WIDTH, THREADS, T> part(x, G::start(group), piece);
  const auto own = part.moments(piece);
  if (threadIdx.x == 0) {
    moments[2 * static_cast<i64>(blockIdx.x)] = own.mean;
    moments[2 * static_cast<i64>(blockIdx.x) + 1] = own.squares;
  }
}

/// y, a block for each piece, which first combines its group's moments.
template <class G, class Index, int PIECES, int EACH, int WIDTH, int THREADS, bool PER_CHANNEL,
          unsigned EPSILON, class T, class S, class B>
__device__ __forceinline__ void normalise(const T* __restrict__ x, const S* __restrict__ scale,
                                          const B* __restrict__ bias, const compute_t<T>* moments,
                                          T* __restrict__ y) {
  using C = compute_t<T>;
  constexpr i64 most = static_cast<i64>(THREADS) * WIDTH * EACH;
  const i64 group = blockIdx.x / PIECES, piece = blockIdx.x % PIECES, start = G::start(group);
  Held<G, Index, EACH, WIDTH, THREADS, T> part(x, start, piece);
  Moments<C> all = {0, 0, 0};
  for (i64 i = threadIdx.x; i < PIECES; i += THREADS) {
    const i64 rest = G::length - i * most, at = 2 * (group * PIECES + i);
    all = Moments<C>::combine(
        all, {static_cast<C>(rest < most ? rest : most), moments[at], moments[at + 1]});
  }
  all = reduce::team_reduce<Moments<C>, THREADS>(all);
  part.template write<PER_CHANNEL, EPSILON>(all, group, start, scale, bias, y);
}

}  // namespace instance_norm
