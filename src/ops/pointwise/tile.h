#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ops/pointwise/program.h"

namespace drawbar::cpu {

/// How operand x[i] (i ≥ 1) of a program lies against a tile of `rows` × `columns`: element (r, c)
/// is data[r · row_stride + c · column_stride], counted in elements. A column stride is 0 or 1: a
/// scalar has 0 and 0, a value per column 0 and 1, one per row n and 0, a matrix n and 1.
struct TileOperand {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
};

/// A program compiled for tiles, for the epilogues of other kernels: applied to results while they
/// are in the nearest cache. Immutable and thread-safe; copies share.
class TileProgram {
 public:
  TileProgram() = default;  // the identity
  explicit TileProgram(const ops::Program& program);

  bool empty() const { return !compiled_; }
  /// Replaces every element of the tile, x0, by the program's result. `operands` are x1, x2, … for
  /// this tile's first element. Row r of the tile starts at tile + r · row_stride. Allocates
  /// nothing (temporaries, 16 KiB at most, are on the stack). Operands must not overlap the tile
  /// unless they are the very same elements.
  void apply(float* tile, int64_t rows, int64_t columns, int64_t row_stride,
             std::span<const TileOperand> operands) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace drawbar::cpu
