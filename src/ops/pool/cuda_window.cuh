#pragma once

#include "ops/reduce/cuda_team.cuh"

// Pooling over windows of up to three axes. A thread has one position of a window, and WIDTH
// channels that are neighbours in memory.

namespace pool {

/// Where in the input a tap is, or the nearest element where it lies beside it.
template <class Index>
struct Tap {
  Index place;
  bool inside;
};

template <i64 INPUT, i64 OUTPUT, i64 KERNEL, i64 STRIDE, i64 DILATION, i64 PAD, i64 PAD_END>
struct Axis {
  static constexpr i64 input = INPUT, output = OUTPUT, kernel = KERNEL, dilation = DILATION;

  /// The input that tap 0 lies on.
  template <class Index>
  static __device__ __forceinline__ Index start(Index position) {
    return position * static_cast<Index>(STRIDE) - static_cast<Index>(PAD);
  }
  template <class Index>
  static __device__ __forceinline__ Tap<Index> tap(Index start, Index number) {
    const Index size = static_cast<Index>(INPUT);
    const Index place = start + number * static_cast<Index>(DILATION);
    if constexpr (PAD == 0 && (OUTPUT - 1) * STRIDE + (KERNEL - 1) * DILATION < INPUT) {
      return {place, true};
    } else {
      return {place < 0 ? 0 : place < size ? place : size - 1, place >= 0 && place < size};
    }
  }
  /// The taps that lie in the input.
  template <class Index>
  static __device__ __forceinline__ Index first(Index start) {
    const Index step = static_cast<Index>(DILATION);
    return start >= 0 ? 0 : (step - 1 - start) / step;
  }
  template <class Index>
  static __device__ __forceinline__ Index last(Index start) {
    const Index size = static_cast<Index>(INPUT), step = static_cast<Index>(DILATION);
    const Index fitting = start >= size ? 0 : (size - start + step - 1) / step;
    return fitting < static_cast<Index>(KERNEL) ? fitting : static_cast<Index>(KERNEL);
  }
  /// The taps that an average divides by: with WITH_PAD those that lie in the padding too.
  template <bool WITH_PAD, class Index>
  static __device__ __forceinline__ Index counted(Index start) {
    if constexpr (WITH_PAD) {
      const Index step = static_cast<Index>(DILATION);
      const Index rest = static_cast<Index>(INPUT + PAD_END) - start;
      const Index fitting = rest > 0 ? (rest + step - 1) / step : 0;
      return fitting < static_cast<Index>(KERNEL) ? fitting : static_cast<Index>(KERNEL);
    } else {
      const Index from = first(start), to = last(start);
      return to > from ? to - from : 0;
    }
  }
};

/// Elements between neighbouring images, channels and positions of a tensor.
template <i64 IMAGE, i64 CHANNEL, i64 POSITION>
struct Strides {
  static constexpr i64 image = IMAGE, channel = CHANNEL, position = POSITION;
};

// Ways to combine the elements of a window; the first one that a maximum sees is its value,
// whatever it is, and one of nothing is 0.

struct Maximum {
  static constexpr bool with_pad = false;
  template <class C>
  static __device__ __forceinline__ bool add(C& total, C x, bool first) {
    const bool taken = first || x > total;
    total = taken ? x : total;
    return taken;
  }
  template <class C, class Index>
  static __device__ __forceinline__ C finish(C total, Index) {
    return total;
  }
};
template <bool WITH_PAD>
struct Average {
  static constexpr bool with_pad = WITH_PAD;
  template <class C>
  static __device__ __forceinline__ bool add(C& total, C x, bool) {
    total += x;
    return false;
  }
  template <class C, class Index>
  static __device__ __forceinline__ C finish(C total, Index count) {
    return total / static_cast<C>(count > 0 ? count : 1);
  }
};
__device__ __forceinline__ float magnitude(float x) { return ::fabsf(x); }
__device__ __forceinline__ double magnitude(double x) { return ::fabs(x); }
__device__ __forceinline__ float root(float x) { return ::sqrtf(x); }
__device__ __forceinline__ double root(double x) { return ::sqrt(x); }
__device__ __forceinline__ float power(float x, float y) { return ::powf(x, y); }
__device__ __forceinline__ double power(double x, double y) { return ::pow(x, y); }
template <int P>
struct Norm {
  static constexpr bool with_pad = false;
  template <class C>
  static __device__ __forceinline__ bool add(C& total, C x, bool) {
    total += P == 1 ? magnitude(x) : P == 2 ? x * x : power(magnitude(x), static_cast<C>(P));
    return false;
  }
  template <class C, class Index>
  static __device__ __forceinline__ C finish(C total, Index) {
    return P == 1 ? total : P == 2 ? root(total) : power(total, C(1) / static_cast<C>(P));
  }
};

/// With INDICES, WIDTH is 1 and they say where in x each maximum stood.
template <class Kind, class Index, class A0, class A1, class A2, i64 IMAGES, i64 CHANNELS,
          int WIDTH, class XAt, class YAt, int THREADS, bool INDICES, bool COLUMN_MAJOR, class T>
__device__ __forceinline__ void window(const T* __restrict__ x, T* __restrict__ y,
                                       i64* __restrict__ indices = nullptr) {
  using C = compute_t<T>;
  constexpr Index outputs = static_cast<Index>(A0::output * A1::output * A2::output);
  constexpr Index groups = static_cast<Index>(CHANNELS / WIDTH);
  const i64 item = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
  if (item >= IMAGES * groups * outputs) return;
  // Neighbouring threads write neighbours of y.
  Index rest = static_cast<Index>(item), position, group;
  if constexpr (YAt::channel == 1) {
    group = rest % groups;
    rest /= groups;
    position = rest % outputs;
    rest /= outputs;
  } else {
    position = rest % outputs;
    rest /= outputs;
    group = rest % groups;
    rest /= groups;
  }
  const Index image = rest, channel = group * WIDTH;
  const Index row = position / static_cast<Index>(A2::output);
  const Index at[3] = {A0::start(static_cast<Index>(row / static_cast<Index>(A1::output))),
                       A1::start(static_cast<Index>(row % static_cast<Index>(A1::output))),
                       A2::start(static_cast<Index>(position % static_cast<Index>(A2::output)))};
  const T* from =
      x + image * static_cast<Index>(XAt::image) + channel * static_cast<Index>(XAt::channel);
  C totals[WIDTH];
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) totals[k] = 0;
  bool first = true;
  Index best = 0;
  // Loads the element at a place of the input, and combines it where that is `inside`.
  const auto add = [&](Index i, Index j, Index l, bool inside) {
    const Index place = (i * static_cast<Index>(A1::input) + j) * static_cast<Index>(A2::input) + l;
    C values[WIDTH];
    reduce::load<WIDTH>(from + place * static_cast<Index>(XAt::position), values);
    if (!inside) return;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) {
      const bool taken = Kind::add(totals[k], values[k], first);
      if constexpr (INDICES) {
        const Index turned =
            (l * static_cast<Index>(A1::input) + j) * static_cast<Index>(A0::input) + i;
        if (taken) best = COLUMN_MAJOR ? turned : place;
      }
    }
    first = false;
  };
  if constexpr (A0::kernel * A1::kernel * A2::kernel <= 32) {
    // Taps in the padding load the input's nearest element, so that no load waits for a branch.
#pragma unroll
    for (int a = 0; a < static_cast<int>(A0::kernel); ++a) {
      const auto i = A0::tap(at[0], static_cast<Index>(a));
#pragma unroll
      for (int b = 0; b < static_cast<int>(A1::kernel); ++b) {
        const auto j = A1::tap(at[1], static_cast<Index>(b));
#pragma unroll
        for (int c = 0; c < static_cast<int>(A2::kernel); ++c) {
          const auto l = A2::tap(at[2], static_cast<Index>(c));
          add(i.place, j.place, l.place, i.inside && j.inside && l.inside);
        }
      }
    }
  } else {
    for (Index a = A0::first(at[0]); a < A0::last(at[0]); ++a) {
      for (Index b = A1::first(at[1]); b < A1::last(at[1]); ++b) {
#pragma unroll 4
        for (Index c = A2::first(at[2]); c < A2::last(at[2]); ++c)
          add(at[0] + a * static_cast<Index>(A0::dilation),
              at[1] + b * static_cast<Index>(A1::dilation),
              at[2] + c * static_cast<Index>(A2::dilation), true);
      }
    }
  }
  const Index count = A0::template counted<Kind::with_pad>(at[0]) *
                      A1::template counted<Kind::with_pad>(at[1]) *
                      A2::template counted<Kind::with_pad>(at[2]);
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) totals[k] = Kind::finish(totals[k], count);
  reduce::store<WIDTH>(totals, y + image * static_cast<Index>(YAt::image) +
                                   channel * static_cast<Index>(YAt::channel) +
                                   position * static_cast<Index>(YAt::position));
  if constexpr (INDICES) {
    // Row-major, as they count: over the planes of all images.
    const i64 plane = static_cast<i64>(image) * CHANNELS + channel;
    indices[plane * outputs + position] = plane * (A0::input * A1::input * A2::input) + best;
  }
}

}  // namespace pool
