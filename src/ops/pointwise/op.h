#pragma once

#include "ir/op.h"
#include "ops/pointwise/program.h"

namespace drawbar::ops {

/// One pointwise function as a node, named as in the table (functions.def): Relu, Add, Where, … .
/// Operands broadcast as numpy's do. Element types by FunctionTypes: comparisons and tests give
/// bool, And/Or/Xor/Not take bool, Where takes bool and two of one type, all others give the type
/// of their (first) operand. Integers wrap; their division truncates towards zero (by zero: the
/// quotient is 0), Mod has the sign of the divisor and Fmod of the dividend. Pow's exponent may
/// have another type. PRelu's slope must broadcast to x.
/// Source: ONNX's operators of these names, newest opset; Fmod is Mod with fmod = 1, GeluTanh is
/// Gelu with approximate = "tanh", BitShiftLeft and -Right are BitShift.
struct Elementwise {
  Function function = Function::Relu;
  float p = 0, q = 0;  // named as in the table

  Elementwise() : Elementwise(Function::Relu) {}
  Elementwise(Function f)  // NOLINT: a function is an operator
      : Elementwise(f, info(f).defaults[0], info(f).defaults[1]) {}
  Elementwise(Function f, float p0, float p1 = 0) : function(f), p(p0), q(p1) {}

  std::string_view op_name() const { return info(function).name; }
  static Elementwise named(std::string_view name) { return *function_named(name); }
  void fields(auto&& field) {
    if (info(function).parameters > 0) field(info(function).parameter_names[0], p);
    if (info(function).parameters > 1) field(info(function).parameter_names[1], q);
  }
};

/// Several functions in one: `program` over its inputs, which are of one type, f32, f16 or bf16, or
/// bool (read as 0 and 1), and broadcast as numpy's do → y of that type (f32 where all are bool).
/// Computed in f32.
struct Pointwise {
  static constexpr std::string_view name = "Pointwise";
  Program program;
  void fields(auto&& field) { field("program", program); }
};

void infer(const Elementwise&, Infer&);
void reference(const Elementwise&, Evaluation&);
Dim operations(const Elementwise&, const Infer&);
bool keeps_rows(const Elementwise&, const Infer&, const std::vector<bool>& batched);

void infer(const Pointwise&, Infer&);
void reference(const Pointwise&, Evaluation&);
Dim operations(const Pointwise&, const Infer&);
bool keeps_rows(const Pointwise&, const Infer&, const std::vector<bool>& batched);

/// Whether a node with operands of these types can be an instruction of a Pointwise: everything is
/// f32, or bool where the function takes or gives conditions (then it may only feed other
/// instructions, as a Pointwise gives f32).
bool fits_program(const Elementwise& op, std::span<const ElementType> inputs);

}  // namespace drawbar::ops
