#include <algorithm>

#include "ops/pointwise/cpu_program.h"
#include "ops/pointwise/tile.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t scratch_floats = 4096;

}  // namespace

struct TileProgram::Compiled {
  TileSteps steps;
  int64_t tile;
  explicit Compiled(const ops::Program& program)
      : steps(program),
        tile(std::min<int64_t>(2048, scratch_floats / std::max(1, steps.temporaries()) / 16 * 16)) {
  }
};

TileProgram::TileProgram(const ops::Program& program) {
  if (!program.empty()) compiled_ = std::make_shared<const Compiled>(program);
}

void TileProgram::apply(float* tile, int64_t rows, int64_t columns, int64_t row_stride,
                        std::span<const TileOperand> operands) const {
  if (!compiled_) return;
  const TileSteps& steps = compiled_->steps;
  alignas(64) float scratch[scratch_floats];
  const auto one_row = [&](const TileOperand& operand) {
    const bool scalar = operand.row_stride == 0 && operand.column_stride == 0;
    return scalar || (operand.row_stride == columns && operand.column_stride == 1);
  };
  if (row_stride == columns && std::all_of(operands.begin(), operands.end(), one_row)) {
    columns *= rows;
    rows = 1;
  }
  const int64_t room = steps.temporaries() == 0 ? columns * rows : compiled_->tile;
  const int64_t width = std::min(columns, room);
  const int64_t height = std::max<int64_t>(1, room / std::max<int64_t>(1, width));
  TileSteps::Operand values[ops::Program::most_inputs];
  for (int64_t row = 0; row < rows; row += height) {
    for (int64_t column = 0; column < columns; column += width) {
      float* out = tile + row * row_stride + column;
      values[0] = {out, row_stride, false};
      for (size_t i = 0; i < operands.size(); ++i) {
        const TileOperand& operand = operands[i];
        const int64_t at = row * operand.row_stride + column * operand.column_stride;
        values[i + 1] = {operand.data + at, operand.row_stride, operand.column_stride == 0};
      }
      steps.run(values, out, row_stride, std::min(height, rows - row),
                std::min(width, columns - column), scratch, compiled_->tile);
    }
  }
}

}  // namespace drawbar::cpu
