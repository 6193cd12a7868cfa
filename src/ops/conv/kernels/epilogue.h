#pragma once

#include <optional>
#include <span>

#include "ops/pointwise/tile.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// A convolution's `post` as the kernels take it: an activation and a residual they know natively,
/// or a hook that runs the program on finished tiles. Tiles are channels-last: rows are output
/// pixels (of all images in a row), columns channels. Immutable, thread-safe.
class ConvEpilogue {
 public:
  /// How a further input lies against the output, in elements; 0 where it is broadcast.
  struct Extra {
    int64_t image = 0, pixel = 0, channel = 0;
  };

  /// `extras` are post's x1, x2, …; `channels_last` says that those of y's shape lie so whatever
  /// their layout. Nothing when one of them lies in a way tiles cannot read.
  static std::optional<ConvEpilogue> plan(const ops::Program& post, std::span<const Operand> extras,
                                          const Operand& y, bool channels_last,
                                          bool native_residual = true);

  /// Calls body(const Epilogue&) with bias (may be null) and pointers of the extras.
  template <class Body>
  void with(const float* bias, std::span<const float* const> extras, const Body& body) const {
    Epilogue epilogue;
    epilogue.bias = bias;
    epilogue.activation = activation_;
    epilogue.alpha = alpha_;
    epilogue.beta = beta_;
    if (residual_) {
      epilogue.residual = extras[0];
      epilogue.residual_ld = channels_;
    }
    if (program_.empty()) return body(epilogue);
    const auto run = [&](float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows,
                         int64_t cols) { apply(extras, c, ldc, row, col, rows, cols); };
    const TileHook hook(run);
    epilogue.hook = &hook;
    body(epilogue);
  }

  /// Whether there is a program, so that results need a hook or `apply`.
  bool has_program() const { return !program_.empty(); }

  /// Applies the program to a tile of y: channels [column, column + columns) of the pixels row, row
  /// + step, …, which are `stride` floats apart in memory. With steps beyond 1 they lie in one
  /// image.
  void apply(std::span<const float* const> extras, float* tile, int64_t stride, int64_t row,
             int64_t column, int64_t rows, int64_t columns, int64_t step = 1) const;

 private:
  Activation activation_ = Activation::none;
  float alpha_ = 0, beta_ = 0;
  bool residual_ = false;
  TileProgram program_;  // empty: everything is native
  std::vector<Extra> extras_;
  int64_t pixels_ = 1;  // of one image
  int64_t channels_ = 1;
  bool by_image_ = false;  // an extra does not run on from one image to the next
};

}  // namespace drawbar::cpu
