#pragma once

#include <span>
#include <string>

#include "ops/pointwise/program.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// Device code under a name that stands for just this code: pieces for Launch::preface.
struct NamedCode {
  std::string name;
  std::vector<std::string> text;
};

/// struct NAME { static float apply(float x0, …) } for a program's inputs; needs
/// pointwise_file.
NamedCode program_code(const ops::Program& program);

/// struct NAME { static float apply(float x0, i64 at, const T1* x1, …) }: the program for element
/// `at` of y (counted as it lies in memory), whose further operands broadcast to y and are read
/// where they belong. Needs pointwise_file.
NamedCode epilogue_code(const ops::Program& program, const Operand& y,
                        std::span<const Operand> more);

/// The function on values of a compute type T ("float", "double"), as an expression of the
/// expressions x, y and z.
std::string function_expression(ops::Function function, float p, float q, std::string_view type,
                                std::span<const std::string> operands);

/// A float as device code spells it, exactly.
std::string literal(float value);

inline constexpr std::string_view pointwise_file = "ops/pointwise/cuda_functions.cuh";

}  // namespace drawbar::cuda
