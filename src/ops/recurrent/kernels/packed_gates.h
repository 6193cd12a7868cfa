#pragma once

#include <vector>

#include "ops/recurrent/op.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// The sizes of one problem. Gates are computed in an order of their own: those of `unit` hidden
/// units stand together, so that whoever has computed some columns of a step has all that these
/// units need.
struct RecurrentSizes {
  int64_t steps, batch, inputs, hidden;
  int64_t directions, gates;
  int64_t unit;    // hidden units per group of gates: a vector
  int64_t padded;  // hidden, a multiple of unit
  bool batch_first;

  explicit RecurrentSizes(const Problem& problem);
  int64_t columns() const { return gates * padded; }
  int64_t units() const { return padded / unit; }
  /// Where gate `gate` of hidden unit j stands among `count` gates.
  int64_t column(int64_t count, int64_t gate, int64_t j) const {
    return (j / unit * count + gate) * unit + j % unit;
  }
  /// Elements in front of a row of y, and of a row of a state.
  int64_t y_row(int64_t d, int64_t t, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) *
           hidden;
  }
  int64_t state_row(int64_t d, int64_t b) const {
    return (batch_first ? b * directions + d : d * batch + b) * hidden;
  }
};

/// Gates [first, first + count) of constant weights [D, gates · hidden, k] of f32, f16 or bf16,
/// packed for every direction.
class PackedGates {
 public:
  PackedGates() = default;
  PackedGates(const Problem& problem, size_t input, const RecurrentSizes& sizes, int64_t first,
              int64_t count);

  /// Columns [begin, end) of direction d; begin is a multiple of the panel width.
  PackedMatrix part(int64_t d, int64_t begin, int64_t end) const;
  PackedMatrix whole(int64_t d) const { return part(d, 0, n_); }

 private:
  int64_t k_ = 0, n_ = 0, bytes_ = 0;
  Isa isa_ = Isa::baseline;
  ElementType element_ = ElementType::f32;
  PackedConstants::Buffer packed_;
};

/// Biases [D][columns]: what is added to x·W, and what to h·R. The latter is empty unless the reset
/// gate multiplies it (GRU with linear_before_reset).
struct GateBias {
  std::vector<float> input, state;
};
GateBias gate_bias(const Problem& problem, const RecurrentSizes& sizes);

}  // namespace drawbar::cpu
