#include "ops/pointwise/function.h"

#include <cmath>
#include <map>

#include "base/error.h"

namespace drawbar::ops {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

#define NONE \
  0, {}, { 0, 0 }
#define ONE(NAME, DEFAULT) \
  1, {NAME}, { DEFAULT, 0 }
#define TWO(NAME0, DEFAULT0, NAME1, DEFAULT1) \
  2, {NAME0, NAME1}, { DEFAULT0, DEFAULT1 }
#define ROW(NAME, ARITY, TYPES, COST, ...) \
  FunctionInfo{#NAME, ARITY, FunctionTypes::TYPES, COST, __VA_ARGS__},
#define UNARY(NAME, TYPES, COST, PARAMETERS, ...) ROW(NAME, 1, TYPES, COST, PARAMETERS)
#define BINARY(NAME, TYPES, COST, PARAMETERS, ...) ROW(NAME, 2, TYPES, COST, PARAMETERS)
#define TERNARY(NAME, TYPES, COST, PARAMETERS, ...) ROW(NAME, 3, TYPES, COST, PARAMETERS)
constinit const FunctionInfo rows[] = {
    // other files register from it while they are initialised
    {"Constant", 0, FunctionTypes::floats, 0, 1, {"value"}, {0, 0}},
#include "ops/pointwise/functions.def"
};

// What the table's expressions use beyond <cmath>, in double precision.
using std::abs, std::ceil, std::floor, std::sqrt, std::exp, std::log, std::expm1, std::fmod;
using std::asin, std::acos, std::atan, std::sinh, std::cosh, std::tanh, std::erf, std::pow;
using std::asinh, std::acosh, std::atanh, std::sin, std::cos, std::tan;

double where(bool condition, double yes, double no) { return condition ? yes : no; }
double truth(bool condition, double) { return condition ? 1 : 0; }
double zero(double) { return 0; }
double one(double) { return 1; }
double round_even(double x) { return std::nearbyint(x); }
double maximum(double x, double y) { return x != x || x > y ? x : y; }
double minimum(double x, double y) { return x != x || x < y ? x : y; }
double relu(double x) { return maximum(x, 0); }
double clip(double x, double low, double high) { return minimum(maximum(x, low), high); }
double sigmoid(double x) { return 1 / (1 + exp(-x)); }
double softplus(double x) { return maximum(x, 0) + std::log1p(exp(-abs(x))); }
double mish(double x) { return x * tanh(softplus(x)); }
double gelu(double x) { return 0.5 * x * std::erfc(-x * M_SQRT1_2); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
}
double floor_mod(double x, double y) {
  const double rest = fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

}  // namespace

int function_count() { return static_cast<int>(std::size(rows)); }
const FunctionInfo& info(Function function) { return rows[static_cast<size_t>(function)]; }

std::optional<Function> function_named(std::string_view name) {
  static const auto by_name = [] {
    std::map<std::string_view, Function> result;
    for (int i = 0; i < function_count(); ++i) result[rows[i].name] = static_cast<Function>(i);
    return result;
  }();
  const auto found = by_name.find(name);
  if (found == by_name.end()) return std::nullopt;
  return found->second;
}

double apply(Function function, [[maybe_unused]] double x, [[maybe_unused]] double y,
             [[maybe_unused]] double z, [[maybe_unused]] double p, [[maybe_unused]] double q) {
  switch (function) {
    case Function::Constant:
      return p;
#define UNARY(NAME, TYPES, COST, PARAMETERS, ...) \
  case Function::NAME:                            \
    return __VA_ARGS__;
#define BINARY UNARY
#define TERNARY UNARY
#include "ops/pointwise/functions.def"
  }
  fail(ErrorCode::internal, "no pointwise function {}", static_cast<int>(function));
}

}  // namespace drawbar::ops
