#pragma once

#include "ops/conv/kernels/conv_kernel.h"

namespace drawbar::cpu {

/// The tiles of a convolution that are transformed together: tile `first` + i, row by row, image by
/// image, each of tile × tile outputs.
struct WinogradTiles {
  const ConvShape* shape = nullptr;
  int tile = 0;  // 2 or 4
  int64_t first = 0;
  int64_t tiles_x = 0, tiles_y = 0;  // per image
  const float* zeros = nullptr;      // [c]
  Isa isa = Isa::baseline;
};

/// One 3 × 3 filter: out[plane · stride] for the (tile + 2)² planes. Computed in double precision.
void winograd_weights(int tile, const float* filter, float* out, int64_t stride);

/// out[plane · plane_stride + i · c + channel] for tiles i in [begin, end).
void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t plane_stride);

/// y from in[plane · plane_stride + i · m + channel], with the epilogue but for its hook.
void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y);

}  // namespace drawbar::cpu
