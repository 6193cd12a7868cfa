#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/attribute.h"
#include "ops/pointwise/function.h"

namespace drawbar::ops {

/// One step: result = function(values[operands[0]], …; p, q). Unused operands are 0.
struct Instruction {
  Function function = Function::Constant;
  std::array<uint16_t, 3> operands = {};
  float p = 0, q = 0;
  bool operator==(const Instruction&) const = default;
};

/// A straight-line pointwise program over f32 values x0, x1, …: the inputs come first, then the
/// results of the instructions in order; the last value is the result. Comparisons and logic give 0
/// and 1, conditions are true unless 0. Without instructions it is the identity of its one input.
///
/// Written "x2 = Add(x0, x1); x3 = Clip(x2, 0.0, 6.0)": operands, then every parameter of the
/// function; the first index defined tells how many inputs there are; "" is the identity.
struct Program {
  static constexpr int most_inputs = 32;
  static constexpr int most_instructions = 64;

  int inputs = 1;
  std::vector<Instruction> instructions;

  /// One function of `inputs` = its arity; parameters default to the table's.
  static Program of(Function function);
  static Program of(Function function, float p, float q = 0);

  bool empty() const { return instructions.empty(); }  // the identity
  int values() const { return inputs + static_cast<int>(instructions.size()); }
  int result() const { return values() - 1; }
  int64_t operations() const;  // floating-point operations per element, roughly
  /// Whether `more` instructions and inputs still fit the limits above.
  bool has_room(int more_instructions, int more_inputs) const;

  /// Adds an instruction at the end and returns the value it defines (an earlier one that computes
  /// the same is not reused: the last value must stay the result).
  int append(Function function, std::initializer_list<int> operands, float p, float q = 0);
  int append(Function function, std::initializer_list<int> operands);  // default parameters
  /// Adds an input behind the others and returns its index; results move up by one.
  int add_input();
  /// Input `gone` reads what input `kept` reads, and disappears; later inputs move down by one.
  void merge_inputs(int kept, int gone);

  double evaluate(std::span<const double> values) const;
  /// The same rounded to f32 after every instruction, as kernels compute.
  float evaluate(std::span<const float> values) const;

  std::string str() const;  // the text form

  bool operator==(const Program&) const = default;
};

/// `then` with `first` computed in place of its input `input`. The inputs of the whole are first's,
/// followed by then's without `input`. Common steps are computed once.
Program compose(const Program& first, const Program& then, int input = 0);

/// The inverse of Program::str. Throws INVALID_MODEL for anything else, and above the limits.
Program parse_program(std::string_view text);
/// Throws INVALID_MODEL when an instruction reads what is not there yet, or a limit is exceeded.
void check(const Program& program);

Attribute encode_attribute(const Program& program);
void decode_attribute(std::string_view name, const Attribute& attribute, Program& program);

}  // namespace drawbar::ops
