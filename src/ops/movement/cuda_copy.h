#pragma once

#include <string>
#include <vector>

#include "ops/movement/strided_copy.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// Whether kernels that move elements take this type: whole bytes, no strings.
bool is_copyable(ElementType type);

/// For operators that only move elements: every present operand that is data has the output's
/// element type, which the kernels move.
bool all_copyable(std::span<const Operand> inputs, const Operand& output);

/// Arguments of kernels that move bits: device code sees them as bytes, whatever the type.
Argument input_bytes(size_t index);
Argument output_bytes(size_t index);

/// Seconds for moving (read and written once) that many elements of a type.
double movement_seconds(const Problem& problem, int64_t elements, ElementType type);

/// "int" where all offsets below that many elements fit, else "i64".
std::string_view index_type(int64_t elements);

/// The widest element of up to 16 bytes, as a multiple of elements of `bytes` bytes, by which all
/// numbers can be divided.
int64_t widening(int64_t bytes, std::span<const int64_t> numbers);

/// Strided copies between a node's operands as launches: neighbours merged, elements widened, and
/// transpositions through shared memory where the innermost axis moves.
class CopyPlan {
 public:
  /// Adds a copy from input `input` to output `output`.
  void add(const ops::StridedCopy& copy, ElementType type, size_t input, size_t output);
  std::vector<Launch> launches() const;
  std::unique_ptr<Kernel> kernel() const;

 private:
  /// A copy that is some blocks of a launch shared with others.
  struct Part {
    std::string call;  // "movement::copy_strided<…>"
    int64_t blocks;
    size_t input, output;
  };
  Launch together(std::span<const Part> parts) const;

  std::vector<Part> parts_;
  std::vector<Launch> tiled_;
};

}  // namespace drawbar::cuda
