#pragma once

#include <cstdint>

#include "targets/cpu/isa.h"

/// Generated kernels of depthwise convolution: output pixels side by side in one line, vector of
/// channels by vector of channels. What else there is (kernels of other widths, dilated columns,
/// larger strides) depthwise.cc computes.
namespace drawbar::cpu {

constexpr int kMostRunPixels = 7;  // images' sides tend to be multiples
constexpr int kMostRunRows = 5;

/// What a kernel is made for.
struct DepthwiseRunShape {
  Isa isa = Isa::avx2;
  int width = 3;                // kernel columns: 3 or 5
  int stride = 1;               // 1 or 2
  int rows = 3;                 // kernel rows inside the image, 1 … kMostRunRows
  int pixels = 1;               // 1 … kMostRunPixels
  int left = 0, right = 0;      // input columns of the run outside the image, at most width / 2
  bool part_of_vector = false;  // of one vector's channels only the first
  bool fetches = false;         // brings the outputs of the run behind this one into the cache
};

/// One call: `runs` runs side by side. Pointers are at the first channel; strides are in bytes.
/// Each sum begins with the bias and goes along kernel rows, then columns. The kernel changes what
/// is marked *.
struct DepthwiseRunArgs {
  const float* x[kMostRunRows] = {};  // * kernel rows inside the image, at the first run's first
                                      // column, which may be outside
  const float* w = nullptr;           // [vector][row][column][lanes], at the first row inside
  int64_t w_step = 0;                 // from vector to vector
  int64_t x_pixel = 0;
  float* y = nullptr;  // *
  int64_t y_pixel = 0;
  const float* bias = nullptr;      // or null
  const float* residual = nullptr;  // * or null; may be y
  int64_t residual_pixel = 0;
  int64_t x_step = 0, y_step = 0, residual_step = 0;  // from run to run
  int64_t accumulate = 0;                             // adds y
  int64_t activation = 0;                             // an Activation
  float alpha = 0, beta = 0;
  int64_t vectors = 0;                 // at least 1
  int64_t channels = 0;                // part_of_vector: how many
  int64_t runs = 1;                    // *
  int64_t vectors_left = 0;            // * the kernel's own
  const float* residual_at = nullptr;  // * the kernel's own
};

using DepthwiseRun = void (*)(DepthwiseRunArgs*);

/// The kernel of a shape, generated at first use and kept for the life of the process. Null where
/// code cannot be generated. Thread-safe; allocates at first use only.
DepthwiseRun depthwise_run(const DepthwiseRunShape& shape);

}  // namespace drawbar::cpu
