#pragma once

// The samples of op.cc: the elements that a sample reads along each axis and their weights, in
// double; sums in the type that elements are computed with.

namespace grid_sample {

enum class Mode { nearest, linear, cubic };
enum class Padding { zeros, border, reflection };

template <Mode MODE, Padding PADDING, bool ALIGN_CORNERS>
struct Options {
  static constexpr Mode mode = MODE;
  static constexpr Padding padding = PADDING;
  static constexpr bool align_corners = ALIGN_CORNERS;
  static constexpr int taps = MODE == Mode::nearest ? 1 : MODE == Mode::linear ? 2 : 4;
};

__device__ __forceinline__ double limited(double x, double low, double high) {
  const double raised = x > low ? x : low;  // not-a-number: low
  return raised < high ? raised : high;
}

__device__ __forceinline__ double reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  const double distance = x < low ? low - x : x > high ? x - high : -1;
  if (!(distance >= 0)) return x;  // inside
  const double turns = floor(distance / range), rest = distance - turns * range;
  const bool from_low = (x < low) == (turns - 2 * floor(turns / 2) == 0);
  return from_low ? low + rest : high - rest;
}

/// The elements along one axis of SIZE elements STRIDE apart that a sample reads: their offsets, -1
/// for what counts as zero.
template <class Options, i64 SIZE, i64 STRIDE>
struct Taps {
  static constexpr double low = Options::align_corners ? 0.0 : -0.5;
  static constexpr double last = static_cast<double>(SIZE) - 1;
  static constexpr double high = Options::align_corners ? last : last + 0.5;
  i64 offset[Options::taps];
  double weight[Options::taps];

  __device__ __forceinline__ explicit Taps(double position) {
    double x = Options::align_corners ? (position + 1) / 2 * last
                                      : ((position + 1) * static_cast<double>(SIZE) - 1) / 2;
    if (Options::mode == Mode::nearest) x = rint(x);
    if (Options::padding == Padding::border) x = limited(x, 0, last);
    if (Options::padding == Padding::reflection) x = reflect(x, low, high);
    if (!(fabs(x) < 1e15)) x = Options::padding == Padding::zeros ? -8 : 0;
    const double whole = floor(x), t = x - whole;
    if constexpr (Options::mode == Mode::nearest) {
      set(0, x, 1);
    } else if constexpr (Options::mode == Mode::linear) {
      set(0, whole, 1 - t);
      set(1, whole + 1, t);
    } else {
      set(0, whole - 1, outer(1 + t));
      set(1, whole, inner(t));
      set(2, whole + 1, inner(1 - t));
      set(3, whole + 2, outer(2 - t));
    }
  }

 private:
  static __device__ __forceinline__ double inner(double x) {
    return ((-0.75 + 2) * x - (-0.75 + 3)) * x * x + 1;
  }
  static __device__ __forceinline__ double outer(double x) {
    return ((-0.75 * x + 5 * 0.75) * x - 8 * 0.75) * x + 4 * 0.75;
  }
  __device__ __forceinline__ void set(int k, double at, double share) {
    if (Options::padding == Padding::border) at = limited(at, 0, last);
    if (Options::padding == Padding::reflection)
      at = limited(trunc(reflect(at, low, high)), 0, last);
    offset[k] = at >= 0 && at <= last ? static_cast<i64>(at) * STRIDE : -1;
    weight[k] = share;
  }
};

/// An axis of x; the first one is that of the grid's first coordinate.
template <i64 SIZE, i64 STRIDE>
struct Axis {};

/// The taps of all axes, and the sum over them of one plane.
template <class Options, class... Axes>
struct AllTaps {
  __device__ __forceinline__ explicit AllTaps(const double*) {}
  template <class C, class T>
  __device__ __forceinline__ C sum(const T* plane) const {
    return to_compute(*plane);
  }
};
template <class Options, i64 SIZE, i64 STRIDE, class... Rest>
struct AllTaps<Options, Axis<SIZE, STRIDE>, Rest...> {
  Taps<Options, SIZE, STRIDE> taps;
  AllTaps<Options, Rest...> rest;

  __device__ __forceinline__ explicit AllTaps(const double* position)
      : taps(*position), rest(position + 1) {}
  template <class C, class T>
  __device__ __forceinline__ C sum(const T* plane) const {
    C total = 0;
#pragma unroll
    for (int k = 0; k < Options::taps; ++k) {
      if (taps.offset[k] < 0) continue;
      total += static_cast<C>(taps.weight[k]) * rest.template sum<C>(plane + taps.offset[k]);
    }
    return total;
  }
};

/// A position of an image a thread, for GROUP of its CHANNELS; neighbouring threads have
/// neighbouring positions. Channels lie X_CHANNEL elements apart in x, OUTPUTS in y.
template <class T, class G, class Options, i64 OUTPUTS, i64 CHANNELS, int GROUP, i64 X_IMAGE,
          i64 X_CHANNEL, i64 TOTAL, class... Axes>
__device__ __forceinline__ void positions(const T* __restrict__ x, const G* __restrict__ grid,
                                          T* __restrict__ y) {
  constexpr int rank = sizeof...(Axes);
  constexpr i64 groups = (CHANNELS + GROUP - 1) / GROUP;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 output = item % OUTPUTS, plane = item / OUTPUTS;
  const i64 image = plane / groups, first = plane % groups * GROUP;
  double position[rank];
#pragma unroll
  for (int i = 0; i < rank; ++i)
    position[i] = static_cast<double>(to_compute(grid[(image * OUTPUTS + output) * rank + i]));
  const AllTaps<Options, Axes...> taps(position);
#pragma unroll
  for (int i = 0; i < GROUP; ++i) {
    const i64 channel = first + i;
    if (channel >= CHANNELS) break;
    const T* from = x + image * X_IMAGE + channel * X_CHANNEL;
    y[(image * CHANNELS + channel) * OUTPUTS + output] =
        from_compute<T>(taps.template sum<compute_t<T>>(from));
  }
}

/// The coordinate of position i of SIZE.
template <i64 SIZE, bool ALIGN_CORNERS>
__device__ __forceinline__ double coordinate(i64 i) {
  if constexpr (!ALIGN_CORNERS) {
    return static_cast<double>(2 * i + 1) / static_cast<double>(SIZE) - 1;
  } else if constexpr (SIZE == 1) {
    return 0;
  } else {
    return static_cast<double>(2 * i) / (static_cast<double>(SIZE) - 1) - 1;
  }
}

/// Positions of AffineGrid: the coordinates of one, of the axes in the grid's order, times each row
/// of theta.
template <class T, bool ALIGN_CORNERS, i64 TOTAL, i64... SIZES>
__device__ __forceinline__ void affine(const T* __restrict__ theta, T* __restrict__ y) {
  constexpr int rank = sizeof...(SIZES);
  constexpr i64 positions = (SIZES * ...);
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  double at[rank];
  i64 rest = item % positions;
  int axis = 0;
  ((at[axis++] = coordinate<SIZES, ALIGN_CORNERS>(rest % SIZES), rest /= SIZES), ...);
  const T* matrix = theta + item / positions * rank * (rank + 1);
#pragma unroll
  for (int row = 0; row < rank; ++row) {
    double sum = 0;
#pragma unroll
    for (int i = 0; i < rank; ++i)
      sum += static_cast<double>(to_compute(matrix[row * (rank + 1) + i])) * at[i];
    sum += static_cast<double>(to_compute(matrix[row * (rank + 1) + rank]));
    y[item * rank + row] = from_compute<T>(static_cast<compute_t<T>>(sum));
  }
}

}  // namespace grid_sample
