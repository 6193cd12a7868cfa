#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/pointwise/cpu_steps.h"
#include "ops/pointwise/program.h"

namespace drawbar::cpu {

/// A program as steps over short vectors ("tiles") that stay in the nearest cache. Immutable.
class TileSteps {
 public:
  /// Operands and temporaries one program may have.
  static constexpr int most_slots = ops::Program::most_inputs + ops::Program::most_instructions;

  explicit TileSteps(const ops::Program& program);

  int inputs() const { return inputs_; }
  int temporaries() const { return temporaries_; }  // tiles of scratch that run needs
  double cost() const { return cost_; }             // operations per element

  /// One operand for one tile of rows x columns: values row after row, or one per row.
  struct Operand {
    const float* data;
    int64_t row_stride;  // elements from row to row
    bool uniform;        // one value per row
  };
  /// Computes a tile; its rows start out_stride apart. `scratch` holds temporaries() ·
  /// scratch_stride floats, with scratch_stride >= rows · columns. `out` may be the memory of any
  /// operand (then the very same elements), but of no uniform one.
  void run(const Operand* operands, float* out, int64_t out_stride, int64_t rows, int64_t columns,
           float* scratch, int64_t scratch_stride) const;

 private:
  struct Step {
    std::array<StepKernel, 8> kernels = {};  // by which operands are uniform
    int arity = 0;
    std::array<int, 3> operands = {};  // slots
    int result = 0;                    // a slot
    float p = 0, q = 0;
  };
  int inputs_ = 1, temporaries_ = 0;
  double cost_ = 0;
  std::vector<Step> steps_;                       // the last one gives the result
  std::vector<std::pair<int, float>> constants_;  // slots that hold a number
  int slots_ = 0;                                 // inputs, temporaries, constants
};

}  // namespace drawbar::cpu
