#pragma once

#include "ops/conv/kernels/conv_kernel.h"

namespace drawbar::cpu {

/// The tiles of a convolution that are transformed together: tile `first` + i, row by row, image by
/// image, each of tile × tile outputs.
struct WinogradTiles {
  const ConvShape* shape = nullptr;
  int tile = 0;  // outputs a side: 2, 4 or 6
  int size = 0;  // positions a side of a transformed tile: 4, 6 or 8
  int64_t first = 0;
  int64_t tiles_x = 0, tiles_y = 0;  // per image
  const float* zeros = nullptr;      // [c]
  Isa isa = Isa::baseline;
};

/// One filter of taps × taps (3, 5 or 7): out[plane · stride] for the (tile + taps − 1)² planes.
/// Computed in double precision.
void winograd_weights(int tile, int taps, const float* filter, float* out, int64_t stride);

/// out[plane · plane_stride + i · tile_stride + channel] for tiles i in [begin, end).
void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t tile_stride, int64_t plane_stride);

/// y from in[plane · plane_stride + i · m + channel], with the epilogue but for its hook.
void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y);

}  // namespace drawbar::cpu
