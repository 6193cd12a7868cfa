#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace drawbar::ops {

/// The pointwise functions, in the order of functions.def.
enum class Function : uint8_t {
  Constant,  // no operand: its parameter; only inside programs
#define UNARY(NAME, ...) NAME,
#define BINARY(NAME, ...) NAME,
#define TERNARY(NAME, ...) NAME,
#include "ops/pointwise/functions.def"
};

/// What a function takes and gives.
enum class FunctionTypes : uint8_t {
  floats,       // a float type → the same
  numbers,      // any number type, the same for all operands → the same
  powers,       // a number type, exponent of another → the first
  comparisons,  // any type, the same for both → bool
  tests,        // a float type → bool
  logic,        // bool → bool
  bits,         // integers, the same for all operands → the same; never in programs
  selection,    // bool, and any type twice → that type
};

struct FunctionInfo {
  std::string_view name;  // ONNX's, except Fmod, GeluTanh, BitShiftLeft and BitShiftRight
  int arity = 0;
  FunctionTypes types = FunctionTypes::floats;
  int cost = 0;  // floating-point operations per element, roughly
  int parameters = 0;
  std::string_view parameter_names[2] = {};
  float defaults[2] = {0, 0};
};

int function_count();
const FunctionInfo& info(Function function);
std::optional<Function> function_named(std::string_view name);

/// One element in double precision; operands that the function lacks are ignored, conditions are 0
/// and 1. Not for `bits`.
double apply(Function function, double x, double y, double z, double p, double q);

}  // namespace drawbar::ops
