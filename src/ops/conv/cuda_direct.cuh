#pragma once

#include "ops/conv/cuda_window.cuh"

// Convolutions whose groups have few output channels, depthwise ones above all: each thread sums
// its own results, and neighbours read neighbours. The Window is that of cuda_window.cuh, with

//   int width                    channels of a thread: 1, or those of one load where every group is
//                                one channel and channels are innermost in x, y and w
//   int run                      results of a thread along the last axis; 1 where transposed
//   bool channels_last           of y
//   bool has_bias

namespace conv {

template <class Window>
struct DirectPlace {
  int channel, image, d, h, w;  // w counts runs
  bool valid;

  __device__ __forceinline__ DirectPlace() {
    constexpr int channels = Window::groups * Window::outputs / Window::width;
    constexpr int runs = (Window::W::out + Window::run - 1) / Window::run;
    constexpr i64 items =
        static_cast<i64>(Window::images) * Window::D::out * Window::H::out * runs * channels;
    const i64 item = global_thread();
    valid = item < items;
    using Index = unsigned;  // the caller has seen that items fit
    Index rest = static_cast<Index>(item);
    if (Window::channels_last) {
      channel = static_cast<int>(rest % channels) * Window::width;
      rest /= channels;
    }
    w = static_cast<int>(rest % runs);
    rest /= runs;
    h = static_cast<int>(rest % Window::H::out);
    rest /= Window::H::out;
    d = static_cast<int>(rest % Window::D::out);
    rest /= Window::D::out;
    if (!Window::channels_last) {
      channel = static_cast<int>(rest % channels) * Window::width;
      rest /= channels;
    }
    image = static_cast<int>(rest);
  }
};

template <class Window, class Epilogue, class C, class T, class... More>
__device__ __forceinline__ void write_run(const DirectPlace<Window>& place,
                                          const C (&sums)[Window::run][Window::width],
                                          const T* bias, T* y, const More*... more) {
  constexpr int width = Window::width;
#pragma unroll
  for (int r = 0; r < Window::run; ++r) {
    const int w = place.w * Window::run + r;
    if (w >= Window::W::out) return;
    const i64 at = place.image * Window::y_image + place.channel * Window::y_channel +
                   place.d * Window::D::y_step + place.h * Window::H::y_step +
                   w * Window::W::y_step;
    Several<T, width> results;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      C sum = sums[r][j];
      if (Window::has_bias) sum += to_compute(bias[place.channel + j]);
      results.at[j] = from_compute<T>(Epilogue::apply(sum, at + j, more...));
    }
    *reinterpret_cast<Several<T, width>*>(y + at) = results;
  }
}

/// Any window; its runs are 1.
template <class Window, class Epilogue, class X, class F, class T, class... More>
__device__ __forceinline__ void direct(const X* x, const F* weights, const T* bias, T* y,
                                       const More*... more) {
  using C = compute_t<T>;
  using D = typename Window::D;
  using H = typename Window::H;
  using W = typename Window::W;
  constexpr int width = Window::width;
  const DirectPlace<Window> place;
  if (!place.valid) return;
  const int group = place.channel / Window::outputs, output = place.channel % Window::outputs;
  const auto d = D::phase(place.d % D::phases);
  const auto h = H::phase(place.h % H::phases);
  const auto w = W::phase(place.w % W::phases);
  const X* xs = x + (place.image * Window::x_image +
                     static_cast<i64>(group) * Window::channels * Window::x_channel);
  const F* ws = weights + (group * Window::w_group + output * Window::w_output);
  C sums[1][width] = {};
  for (int channel = 0; channel < Window::channels; ++channel) {
    for (int kd = 0; kd < d.count; ++kd) {
      const int in_d = place.d / D::phases * D::scale + d.origin + kd * D::delta;
      if (D::misses(in_d)) continue;
      for (int kh = 0; kh < h.count; ++kh) {
        const int in_h = place.h / H::phases * H::scale + h.origin + kh * H::delta;
        if (H::misses(in_h)) continue;
        for (int kw = 0; kw < w.count; ++kw) {
          const int in_w = place.w / W::phases * W::scale + w.origin + kw * W::delta;
          if (W::misses(in_w)) continue;
          const int tap =
              ((d.first + kd * D::tap_step) * H::kernel + h.first + kh * H::tap_step) * W::kernel +
              w.first + kw * W::tap_step;
          const auto a = *reinterpret_cast<const Several<X, width>*>(
              xs + (channel * Window::x_channel + in_d * D::x_step + in_h * H::x_step +
                    in_w * W::x_step));
          const auto b = *reinterpret_cast<const Several<F, width>*>(
              ws + (channel * Window::w_channel + tap * Window::w_tap));
#pragma unroll
          for (int j = 0; j < width; ++j)
            sums[0][j] += static_cast<C>(to_compute(a.at[j])) * static_cast<C>(to_compute(b.at[j]));
        }
      }
    }
  }
  write_run<Window, Epilogue>(place, sums, bias, y, more...);
}

/// A window that is not transposed, of one channel a group: a thread's results share the inputs of
/// each line, which are read once.
template <class Window, class Epilogue, class X, class F, class T, class... More>
__device__ __forceinline__ void depthwise(const X* x, const F* weights, const T* bias, T* y,
                                          const More*... more) {
  using C = compute_t<T>;
  using D = typename Window::D;
  using H = typename Window::H;
  using W = typename Window::W;
  constexpr int width = Window::width, run = Window::run;
  constexpr int span = (run - 1) * W::stride + (W::kernel - 1) * W::dilation + 1;
  const DirectPlace<Window> place;
  if (!place.valid) return;
  const X* xs = x + (place.image * Window::x_image + place.channel * Window::x_channel);
  const F* ws = weights + place.channel * Window::w_output;
  const int first_w = place.w * run * W::stride - W::pad;
  C sums[run][width] = {};
#pragma unroll 1
  for (int kd = 0; kd < D::kernel; ++kd) {
    const int in_d = place.d * D::stride - D::pad + kd * D::dilation;
    if (D::misses(in_d)) continue;
#pragma unroll
    for (int kh = 0; kh < H::kernel; ++kh) {
      const int in_h = place.h * H::stride - H::pad + kh * H::dilation;
      if (H::misses(in_h)) continue;
      const X* line = xs + (in_d * D::x_step + in_h * H::x_step);
      Several<X, width> inputs[span];
#pragma unroll
      for (int i = 0; i < span; ++i) {
        const int in_w = first_w + i;
        inputs[i] = static_cast<unsigned>(in_w) >= static_cast<unsigned>(W::in)
                        ? Several<X, width>{}
                        : *reinterpret_cast<const Several<X, width>*>(line + in_w * W::x_step);
      }
#pragma unroll
      for (int kw = 0; kw < W::kernel; ++kw) {
        const int tap = (kd * H::kernel + kh) * W::kernel + kw;
        const auto b = *reinterpret_cast<const Several<F, width>*>(ws + tap * Window::w_tap);
#pragma unroll
        for (int r = 0; r < run; ++r) {
#pragma unroll
          for (int j = 0; j < width; ++j)
            sums[r][j] +=
                static_cast<C>(to_compute(inputs[r * W::stride + kw * W::dilation].at[j])) *
                static_cast<C>(to_compute(b.at[j]));
        }
      }
    }
  }
  write_run<Window, Epilogue>(place, sums, bias, y, more...);
}

}  // namespace conv
