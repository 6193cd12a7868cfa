#pragma once

#include "ops/movement/cuda_copy.cuh"

namespace pad {

enum class Mode { constant, reflect, edge, wrap };

/// A dimension of the result, of SIZE elements TO apart: KEPT elements of x, FROM apart, stand at
/// LEAD, from x's CUT-th one on (which FROM_OFFSET of the kernel counts).
template <i64 SIZE, i64 FROM, i64 TO, i64 LEAD, i64 KEPT, Mode MODE>
struct Axis {};

/// The position within the kept elements, or -1 for the value.
template <i64 LEAD, i64 KEPT, Mode MODE, class Index>
__device__ __forceinline__ Index source(Index i) {
  const Index at = i - static_cast<Index>(LEAD), kept = static_cast<Index>(KEPT);
  if (at >= 0 && at < kept) return at;
  if constexpr (MODE == Mode::constant) {
    return -1;
  } else if constexpr (MODE == Mode::edge) {
    return at < 0 ? 0 : kept - 1;
  } else {
    constexpr Index period = static_cast<Index>(MODE == Mode::wrap ? KEPT : 2 * (KEPT - 1));
    if constexpr (period == 0) {
      return 0;
    } else {
      Index turn = at % period;
      if (turn < 0) turn += period;
      return MODE == Mode::wrap || turn < kept ? turn : period - turn;
    }
  }
}

/// Adds offsets as movement::Walk does; false where the value stands.
template <class Index, class... Axes>
struct Walk {
  static __device__ __forceinline__ bool add(Index, Index&, Index&) { return true; }
};
template <class Index, i64 SIZE, i64 FROM, i64 TO, i64 LEAD, i64 KEPT, Mode MODE, class... Rest>
struct Walk<Index, Axis<SIZE, FROM, TO, LEAD, KEPT, MODE>, Rest...> {
  static __device__ __forceinline__ bool add(Index position, Index& from, Index& to) {
    Index i = position;
    bool inside = true;
    if constexpr (sizeof...(Rest) > 0) {
      const Index next = position / static_cast<Index>(SIZE);
      i -= next * static_cast<Index>(SIZE);
      inside = Walk<Index, Rest...>::add(next, from, to);
    }
    const Index at = source<LEAD, KEPT, MODE>(i);
    from += at * static_cast<Index>(FROM);
    to += i * static_cast<Index>(TO);
    return inside && at >= 0;
  }
};

/// TOTAL elements of WIDTH original ones, one a thread. `value` is one original element, or null
/// for 0.
template <int BYTES, int WIDTH, class Index, i64 FROM_OFFSET, i64 TOTAL, class... Axes>
__device__ __forceinline__ void elements(const void* x, void* y, const void* value) {
  using Part = movement::element_t<BYTES>;
  using T = Several<Part, WIDTH>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  Index from = 0, to = 0;
  T result;
  if (Walk<Index, Axes...>::add(static_cast<Index>(item), from, to)) {
    result = static_cast<const T*>(x)[FROM_OFFSET + from];
  } else {
    Part part{};
    if (value) part = *static_cast<const Part*>(value);
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) result.at[i] = part;
  }
  static_cast<T*>(y)[to] = result;
}
template <int BYTES, int WIDTH, class Index, i64 FROM_OFFSET, i64 TOTAL, class... Axes>
__device__ __forceinline__ void elements(const void* x, void* y) {
  elements<BYTES, WIDTH, Index, FROM_OFFSET, TOTAL, Axes...>(x, y, nullptr);
}

}  // namespace pad
