#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "ops/pointwise/tile.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {
namespace {

using ops::Function;
using ops::FunctionTypes;
using ops::Program;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// What cpu_vector_math.h promises, in units in the last place (0: exact), and an absolute error
/// where the result passes through zero far from x = 0.
struct Bound {
  Function function;
  double low, high;  // where it is checked
  double units, absolute = 0;
};

const Bound bounds[] = {
    {Function::Abs, -1e30, 1e30, 0},
    {Function::Neg, -1e30, 1e30, 0},
    {Function::Sign, -3, 3, 0},
    {Function::Relu, -3, 3, 0},
    {Function::Ceil, -300, 300, 0},
    {Function::Floor, -300, 300, 0},
    {Function::Round, -300, 300, 0},
    {Function::Reciprocal, -300, 300, 0.51},
    {Function::Sqrt, 0, 1e30, 0.51},
    {Function::Exp, -87, 88.7, 1.5},
    {Function::Log, 1e-38, 1e38, 1.5},
    {Function::Log, 0.5, 2, 1.5},
    {Function::Sin, -4, 4, 2, 1e-7},
    {Function::Sin, -8000, 8000, 2, 2e-7},
    {Function::Sin, -1e6, 1e6, 2, 1e-7},
    {Function::Cos, -4, 4, 2, 1e-7},
    {Function::Cos, -8000, 8000, 2, 2e-7},
    {Function::Tan, -1.5, 1.5, 3, 2e-7},
    {Function::Asin, -1, 1, 3},
    {Function::Acos, -1, 1, 3},
    {Function::Atan, -100, 100, 3},
    {Function::Sinh, -88, 88, 4},
    {Function::Sinh, -2, 2, 4},
    {Function::Cosh, -88, 88, 4},
    {Function::Tanh, -12, 12, 5.5},
    {Function::Tanh, -0.1, 0.1, 5.5},
    {Function::Asinh, -1e20, 1e20, 4},
    {Function::Asinh, -2, 2, 4},
    {Function::Acosh, 1, 1e20, 4},
    {Function::Acosh, 1, 2, 4},
    {Function::Atanh, -1, 1, 4},
    {Function::Erf, -5, 5, 5.5},
    {Function::Sigmoid, -80, 80, 3},
    {Function::Softplus, -80, 80, 3},
    {Function::Softsign, -80, 80, 2},
    {Function::HardSigmoid, -5, 5, 1, 1e-7},
    {Function::HardSwish, -5, 5, 2, 1e-7},
    {Function::Elu, -50, 50, 2.5},
    {Function::Selu, -50, 50, 4},
    {Function::Celu, -50, 50, 2.5},
    {Function::LeakyRelu, -50, 50, 0.51},
    {Function::ThresholdedRelu, -50, 50, 0},
    {Function::Mish, -50, 50, 8},
    {Function::Gelu, -10, 10, 3, 4e-7},
    {Function::GeluTanh, -10, 10, 3, 4e-7},
    {Function::Swish, -50, 50, 4},
    {Function::Shrink, -3, 3, 0.51},
    {Function::Clip, -3, 3, 0},
    {Function::IsNaN, -3, 3, 0},
    {Function::IsInf, -3, 3, 0},
    {Function::Not, -3, 3, 0},
};

std::vector<float> spread(double low, double high, int count) {
  std::vector<float> x;
  const bool wide = high / std::max(std::fabs(low), 1e-30) > 1e4 || high > 1e10;
  for (int i = 0; i < count; ++i) {
    const double t = (i + 0.5) / count;
    if (wide && low > 0) {
      x.push_back(static_cast<float>(low * std::pow(high / low, t)));
    } else if (wide) {  // both signs, by magnitude
      x.push_back(static_cast<float>((i % 2 && low < 0 ? -1 : 1) * std::pow(high, 2 * t - 1)));
    } else {
      x.push_back(static_cast<float>(low + (high - low) * t));
    }
  }
  return x;
}

double unit_in_last_place(double value) {
  const auto v = static_cast<float>(std::fabs(value));
  return std::max(static_cast<double>(std::nextafter(v, infinity)) - static_cast<double>(v),
                  1.2e-38 * 0x1p-23);
}

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa each : kIsas) {
    if (each <= isa()) all.push_back(each);
  }
  return all;
}

TEST(PointwiseVector, StaysWithinItsBounds) {
  for (Isa each : isas()) {
    const ScopedIsa scope(each);
    const double slack = each == Isa::baseline ? 2 : 1;  // without fused multiply-add
    for (const Bound& bound : bounds) {
      const std::vector<float> x = spread(bound.low, bound.high, 20011);
      std::vector<float> y = x;
      const ops::FunctionInfo& form = info(bound.function);
      TileProgram(Program::of(bound.function))
          .apply(y.data(), 1, static_cast<int64_t>(y.size()), 0, {});
      double worst = 0, worst_at = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = apply(bound.function, x[i], 0, 0, form.defaults[0], form.defaults[1]);
        double error = std::fabs(y[i] - want);
        if (error <= bound.absolute * slack * std::max(1.0, std::fabs(double{x[i]}))) continue;
        error /= unit_in_last_place(want);
        if (!(error <= worst)) worst = error, worst_at = x[i];
      }
      EXPECT_LE(worst, bound.units * slack)
          << form.name << " at " << worst_at << " on " << name(each);
    }
  }
}

TEST(PointwiseVector, TreatsSpecialNumbersAsTheReferenceDoes) {
  const float special[] = {0.0f,   -0.0f, 1.0f,   -1.0f, infinity, -infinity, nan,
                           1e-40f, 3e38f, -3e38f, 0.5f,  -2.0f,    1e10f,     -1e10f};
  for (Isa each : isas()) {
    const ScopedIsa scope(each);
    for (int f = 1; f < ops::function_count(); ++f) {
      const auto function = static_cast<Function>(f);
      const ops::FunctionInfo& form = info(function);
      if (form.types == FunctionTypes::bits || form.arity == 3) continue;
      const TileProgram program(Program::of(function));
      const bool absolute = function == Function::Gelu || function == Function::GeluTanh;
      const double small = absolute ? 1e-6 : 1e-37;
      for (float a : special) {
        if (absolute && a == -infinity) continue;  // kernels give the limit 0, the formula NaN
        for (float b : special) {
          float got[1] = {a};
          const TileOperand second{&b, 0, 1};
          program.apply(got, 1, 1, 1, std::span(&second, form.arity == 2 ? 1 : 0));
          const auto want =
              static_cast<float>(apply(function, a, b, 0, form.defaults[0], form.defaults[1]));
          const bool same = std::isnan(want) ? std::isnan(got[0])
                            : std::isinf(want)
                                ? got[0] == want
                                : std::fabs(got[0] - want) <= 1e-5 * std::fabs(want) + small;
          EXPECT_TRUE(same) << form.name << "(" << a << ", " << b << ") = " << got[0]
                            << ", expected " << want << " on " << name(each);
          if (form.arity == 1) break;
        }
      }
    }
  }
}

/// Every operand shape of the tile function, with odd sizes, against the scalar program.
TEST(PointwiseTile, AppliesProgramsWithEveryKindOfOperand) {
  const char* programs[] = {
      "x2 = Add(x0, x1)",
      "x3 = Mul(x0, x1); x4 = Add(x3, x2)",
      "x3 = Mul(x0, x1); x4 = Add(x2, x3); x5 = Relu(x4)",
      "x2 = Add(x0, x1); x3 = Relu(x2)",
      "x1 = Sigmoid(x0); x2 = Mul(x0, x1)",
      "x2 = Sigmoid(x0); x3 = Mul(x1, x2); x4 = Sigmoid(x3); x5 = Add(x4, x2)",
      "x3 = Less(x0, x1); x4 = Where(x3, x0, x2)",
      "x1 = Constant(0.5); x2 = Mul(x0, x1); x3 = Constant(2.0); x4 = Add(x2, x3)",
      "x1 = Relu(x0); x2 = Constant(3.0)",
      "x3 = Sub(x1, x2); x4 = Abs(x3); x5 = Div(x0, x4); x6 = Max(x5, x3); x7 = Min(x6, x0)",
  };
  const TileOperand kinds[] = {
      {nullptr, 0, 0}, {nullptr, 0, 1}, {nullptr, 1, 0}, {nullptr, 131, 1}};
  std::vector<float> data(131 * 9 + 5);
  for (size_t i = 0; i < data.size(); ++i) data[i] = std::sin(static_cast<float>(i) * 0.7f) + 0.01f;
  for (Isa each : isas()) {
    const ScopedIsa scope(each);
    for (const char* text : programs) {
      const Program program = ops::parse_program(text);
      const TileProgram tiles(program);
      for (const auto& [rows, columns] : {std::pair{1, 1}, {7, 13}, {3, 129}, {9, 131}, {2, 16}}) {
        for (int combination = 0; combination < 16; ++combination) {
          TileOperand operands[2] = {kinds[combination % 4], kinds[combination / 4]};
          operands[0].data = data.data();
          operands[1].data = data.data() + 3;
          std::vector<float> tile(static_cast<size_t>(rows) * 131);
          for (size_t i = 0; i < tile.size(); ++i)
            tile[i] = std::cos(static_cast<float>(i) * 1.3f) * 2;
          const std::vector<float> before = tile;
          tiles.apply(tile.data(), rows, columns, 131,
                      std::span(operands, static_cast<size_t>(program.inputs - 1)));
          for (int r = 0; r < rows; ++r) {
            for (int c = 0; c < 131; ++c) {
              const size_t at = static_cast<size_t>(r) * 131 + static_cast<size_t>(c);
              float x[3] = {before[at]};
              for (int k = 0; k < 2; ++k)
                x[k + 1] =
                    operands[k].data[r * operands[k].row_stride + c * operands[k].column_stride];
              const float want =
                  c < columns ? program.evaluate(std::span<const float>(x)) : before[at];
              ASSERT_NEAR(tile[at], want, 1e-5 * std::max(1.0f, std::fabs(want)))
                  << text << " row " << r << " column " << c << " of " << rows << "x" << columns
                  << " operands " << combination << " on " << name(each);
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace drawbar::cpu
