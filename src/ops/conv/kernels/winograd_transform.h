#pragma once

#include "ops/conv/kernels/conv_kernel.h"

namespace drawbar::cpu {

/// The tiles of a convolution that are transformed together: tile `first` + i, row by row, image by
/// image, each of height × width outputs. A side of 1 is not transformed; the other one may then
/// have 10 positions.
struct WinogradTiles {
  const ConvShape* shape = nullptr;
  int height = 0, width = 0;  // outputs: 1, 2, 4 or 6
  int rows = 0, columns = 0;  // positions of a transformed tile: 1, 4, 6, 8 or 10
  int64_t first = 0;
  int64_t tiles_x = 0, tiles_y = 0;  // per image
  Isa isa = Isa::baseline;

  /// The image of tile `first` + i and its first output.
  struct Place {
    int64_t image, oy, ox;
  };
  Place place(int64_t i) const {
    const int64_t line = (first + i) / tiles_x;
    return {line / tiles_y, line % tiles_y * height, (first + i) % tiles_x * width};
  }
};

/// The filters [c, kh, kw] (1, 3, 5 or 7 taps a side) of one output channel:
/// out[plane · plane_stride + channel · channel_stride] for the rows · columns planes. Computed in
/// double precision.
void winograd_weights(const WinogradTiles& tiles, const float* filters, float* out,
                      int64_t channel_stride, int64_t plane_stride);

/// Filters of 3 × 3 taps for 4 or 6 positions, [channels][9][columns] with `columns` a multiple of
/// panel_width(isa): each plane's matrix [channels, columns] as gemm() takes it, packed, at out +
/// plane · plane_stride. Computed in single precision.
void winograd_weight_panels(const WinogradTiles& tiles, const float* filters, int64_t channels,
                            int64_t columns, float* out, int64_t plane_stride);

/// out[plane · plane_stride + i · tile_stride + channel] for tiles i in [begin, end).
void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t tile_stride, int64_t plane_stride);

/// y from in[plane · plane_stride + i · m + channel], with the epilogue but for its hook; pooled
/// where the shape says so.
void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y);

}  // namespace drawbar::cpu
