#pragma once

// One bin of one region and channel a thread, as samples.h and op.cc have it. Where samples lie is
// computed in f32 in the reference's order, each operation rounded: how many samples a bin has
// depends on the last bit.

namespace roi_align {

#ifdef DRAWBAR_EMULATED
__device__ __forceinline__ float product(float a, float b) { return a * b; }
__device__ __forceinline__ float sum(float a, float b) { return a + b; }
#else
__device__ __forceinline__ float product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float sum(float a, float b) { return __fadd_rn(a, b); }
#endif

/// A sample along one axis: between pixels `low` and `high`, `fraction` of the way.
struct Sample {
  int low = 0, high = 0;
  float fraction = 0;
  bool inside = false;
};
__device__ __forceinline__ Sample sample(float position, int size) {
  Sample result;
  result.inside = position >= -1 && position <= static_cast<float>(size);
  if (!result.inside) return result;
  const float clamped = position > 0 ? position : 0;
  result.low = static_cast<int>(clamped);
  if (result.low >= size - 1) {
    result.low = result.high = size - 1;
  } else {
    result.high = result.low + 1;
    result.fraction = clamped - static_cast<float>(result.low);
  }
  return result;
}

/// What RoiAlign's attributes and sizes fix.
template <int HEIGHT, int WIDTH, int SAMPLES, bool HALF_PIXEL, bool MAXIMUM, unsigned SCALE_BITS>
struct Options {
  static constexpr int height = HEIGHT, width = WIDTH, samples = SAMPLES;
  static constexpr bool half_pixel = HALF_PIXEL, maximum = MAXIMUM;
  static constexpr unsigned scale_bits = SCALE_BITS;
};

/// One axis of a region. The reference refuses bins of a million pixels: they have no samples here.
template <class Options>
struct Side {
  float start, bin;
  int samples;

  __device__ __forceinline__ Side(float low, float high, int bins) {
    const float scale = bits_to_float(Options::scale_bits);
    const float offset = Options::half_pixel ? 0.5f : 0.0f;
    start = sum(product(low, scale), -offset);
    float length = sum(sum(product(high, scale), -offset), -start);
    if (!Options::half_pixel && length < 1) length = 1;
    bin = length / static_cast<float>(bins);
    samples = Options::samples;
    if (samples == 0 && bin > 0 && bin < 1e6f) samples = static_cast<int>(ceilf(bin));
  }
  __device__ __forceinline__ float position(int index, int i) const {
    const float within =
        product(sum(static_cast<float>(i), 0.5f), bin) / static_cast<float>(samples);
    return sum(sum(start, product(static_cast<float>(index), bin)), within);
  }
};

/// Offsets of a position in x or y: elements from one image (region), channel, row and column to
/// the next.
template <i64 IMAGE, i64 CHANNEL, i64 ROW, i64 COLUMN>
struct Strides {
  static constexpr i64 channel = CHANNEL;
  static __device__ __forceinline__ i64 at(i64 image, i64 row, i64 column) {
    return image * IMAGE + row * ROW + column * COLUMN;
  }
};

/// Splits a thread's number into region, channel, row and column of y; neighbours are columns, or
/// channels where these are (CHANNELS_LAST).
template <class Options, i64 CHANNELS, bool CHANNELS_LAST>
struct Place {
  i64 region, channel;
  int row, column;

  __device__ __forceinline__ explicit Place(i64 item) {
    i64 rest = item;
    if (CHANNELS_LAST) {
      channel = rest % CHANNELS;
      rest /= CHANNELS;
    }
    column = static_cast<int>(rest % Options::width);
    rest /= Options::width;
    row = static_cast<int>(rest % Options::height);
    rest /= Options::height;
    if (!CHANNELS_LAST) {
      channel = rest % CHANNELS;
      rest /= CHANNELS;
    }
    region = rest;
  }
};

template <class T, class Options, class From, class To, bool CHANNELS_LAST, i64 IMAGES,
          i64 CHANNELS, int HEIGHT, int WIDTH, i64 TOTAL>
__device__ __forceinline__ void average(const T* __restrict__ x, const T* __restrict__ rois,
                                        const i64* __restrict__ batch, T* __restrict__ y) {
  using C = compute_t<T>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const Place<Options, CHANNELS, CHANNELS_LAST> at(item);
  const T* region = rois + at.region * 4;
  const auto corner = [&](int i) { return static_cast<float>(to_compute(region[i])); };
  const Side<Options> rows(corner(1), corner(3), Options::height);
  const Side<Options> columns(corner(0), corner(2), Options::width);
  i64 image = batch[at.region];  // out of range: the reference throws
  image = image < 0 ? 0 : image >= IMAGES ? IMAGES - 1 : image;
  const T* plane = x + From::at(image, 0, 0) + at.channel * From::channel;
  const auto pixel = [&](int row, int column) {
    return static_cast<C>(to_compute(plane[From::at(0, row, column)]));
  };
  C total = 0, largest = -static_cast<C>(kInfinity);
  for (int i = 0; i < rows.samples; ++i) {
    const Sample v = sample(rows.position(at.row, i), HEIGHT);
    for (int k = 0; k < columns.samples; ++k) {
      const Sample h = sample(columns.position(at.column, k), WIDTH);
      C part[4] = {0, 0, 0, 0};
      if (v.inside && h.inside) {
        const C fy = v.fraction, fx = h.fraction;
        part[0] = (1 - fy) * (1 - fx) * pixel(v.low, h.low);
        part[1] = (1 - fy) * fx * pixel(v.low, h.high);
        part[2] = fy * (1 - fx) * pixel(v.high, h.low);
        part[3] = fy * fx * pixel(v.high, h.high);
      }
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        total += part[n];
        if (part[n] > largest) largest = part[n];
      }
    }
  }
  const i64 count = i64{rows.samples} * columns.samples;
  const C result = count <= 0 ? C(0) : Options::maximum ? largest : total / static_cast<C>(count);
  y[To::at(at.region, at.row, at.column) + at.channel * To::channel] = from_compute<T>(result);
}

/// The pixels [first, last) of one bin of MaxRoiPool along one axis.
struct Pixels {
  int first, last;
};
__device__ __forceinline__ double rounded_away(double value) {
  const double whole = trunc(value);
  if (fabs(value - whole) < 0.5) return whole;
  return value < 0 ? whole - 1 : whole + 1;
}
__device__ __forceinline__ int limited(double value, int size) {
  return !(value > 0) ? 0 : value < size ? static_cast<int>(value) : size;
}
__device__ __forceinline__ Pixels bin_pixels(double low, double high, double scale, int bins,
                                             int bin, int size) {
  const double start = rounded_away(low * scale);
  double length = rounded_away(high * scale) - start + 1;
  if (!(length > 1)) length = 1;
  const double step = length / bins;
  return {limited(floor(bin * step) + start, size), limited(ceil((bin + 1) * step) + start, size)};
}

template <class T, class Options, class From, class To, bool CHANNELS_LAST, i64 IMAGES,
          i64 CHANNELS, int HEIGHT, int WIDTH, i64 TOTAL>
__device__ __forceinline__ void maximum(const T* __restrict__ x, const T* __restrict__ rois,
                                        T* __restrict__ y) {
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const Place<Options, CHANNELS, CHANNELS_LAST> at(item);
  const T* region = rois + at.region * 5;
  const auto number = [&](int i) { return static_cast<double>(to_compute(region[i])); };
  const double scale = static_cast<double>(bits_to_float(Options::scale_bits));
  const double wanted = number(0);  // out of range: the reference throws
  const i64 image = !(wanted > 0) ? 0 : wanted >= IMAGES ? IMAGES - 1 : static_cast<i64>(wanted);
  const Pixels rows = bin_pixels(number(2), number(4), scale, Options::height, at.row, HEIGHT);
  const Pixels columns = bin_pixels(number(1), number(3), scale, Options::width, at.column, WIDTH);
  using C = compute_t<T>;
  const bool empty = rows.first >= rows.last || columns.first >= columns.last;
  C largest = empty ? C(0) : -static_cast<C>(kInfinity);
  const T* plane = x + From::at(image, 0, 0) + at.channel * From::channel;
  for (int i = rows.first; i < rows.last; ++i) {
    for (int k = columns.first; k < columns.last; ++k) {
      const C value = to_compute(plane[From::at(0, i, k)]);
      if (largest < value) largest = value;
    }
  }
  y[To::at(at.region, at.row, at.column) + at.channel * To::channel] = from_compute<T>(largest);
}

}  // namespace roi_align
