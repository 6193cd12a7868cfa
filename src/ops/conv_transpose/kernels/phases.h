#pragma once

#include <vector>

#include "targets/cpu/gemm/gemm.h"

namespace drawbar::cpu {

/// Transposed convolution of f32 with the channels innermost: x [n, h, w, c] → y [n, oh, ow, m],
/// weights [c, m / groups, kh, kw].
struct TransposedShape {
  int64_t n = 1, h = 1, w = 1, c = 1, oh = 1, ow = 1, m = 1;
  int64_t kh = 1, kw = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t groups = 1;
};

/// Outputs whose coordinates have the same remainders by the strides (a phase) are an ordinary
/// convolution of x with some of the taps: one matrix product over pointers for every phase and
/// group. Immutable, thread-safe.
class TransposedPhases {
 public:
  TransposedPhases(const TransposedShape& shape, Isa isa);

  int64_t packed_bytes() const { return packed_floats_ * 4; }
  void pack(const float* weights, float* packed) const;

  /// For every thread.
  int64_t scratch_bytes() const { return tile_bytes_ + gemm_bytes_; }
  int64_t chunks() const { return (positions() + chunk_ - 1) / chunk_; }

  /// What happens to finished pixels pixel, pixel + step, … (count of them) of y, all channels of a
  /// group from `column` on.
  using Finish = FunctionRef<void(int64_t pixel, int64_t count, int64_t step, int64_t column)>;

  /// Chunks [first, last): with the epilogue's bias and activation, and `finish` behind them.
  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, Finish finish,
           void* scratch, int64_t first, int64_t last) const;

 private:
  struct Tap {
    int64_t index, shift_y, shift_x;  // input pixel = grid position + shift
  };
  struct Phase {
    int64_t y, x;
    std::vector<Tap> taps;      // empty: zeros only
    int64_t packed_offset = 0;  // floats, of group 0
  };

  int64_t positions() const { return shape_.n * grid_h_ * grid_w_; }
  int64_t group_floats(const Phase& phase) const;
  void fill(const Phase& phase, const float* x, const float* zeros, int64_t position, int64_t rows,
            const float** list) const;
  void store(const Phase& phase, const float* tile, int64_t position, int64_t rows, int64_t column,
             float* y, Finish finish) const;

  TransposedShape shape_;
  Isa isa_;
  int64_t grid_h_, grid_w_;  // positions of one phase
  int64_t chunk_;
  int64_t group_c_, group_m_;
  std::vector<Phase> phases_;
  int64_t packed_floats_ = 0, tile_bytes_ = 0, gemm_bytes_ = 0;
};

}  // namespace drawbar::cpu
