#include "ops/pointwise/program.h"

#include <cmath>
#include <gtest/gtest.h>

namespace drawbar::ops {
namespace {

TEST(Program, PrintsAndParses) {
  for (const char* text : {"", "x1 = Relu(x0)", "x2 = Add(x0, x1); x3 = Clip(x2, 0.0, 6.0)",
                           "x1 = Constant(-0.5); x2 = Mul(x0, x1)", "x3 = Where(x0, x1, x2)",
                           "x1 = Clip(x0, -inf, 1e+20); x2 = Elu(x1, 0.1)"}) {
    EXPECT_EQ(parse_program(text).str(), text);
  }
  EXPECT_EQ(parse_program(" x1  =Relu ( x0 ) "), Program::of(Function::Relu));
}

TEST(Program, RefusesWhatIsWrong) {
  for (const char* text : {"x",
                           "x1",
                           "x1 = ",
                           "x1 = Relu",
                           "x1 = Relu(",
                           "x1 = Relu(x0",
                           "x1 = Relu(x1)",
                           "x1 = Relu(x0);",
                           "x1 = Relu(x0); x3 = Relu(x1)",
                           "x1 = Relu(x0, x0)",
                           "x0 = Constant(1.0)",
                           "x1 = Add(x0)",
                           "x1 = Clip(x0, 0.0)",
                           "x1 = Nothing(x0)",
                           "x1 = BitwiseNot(x0)",
                           "x99 = Relu(x0)",
                           "x1 = Relu(x-1)",
                           "x1 = Clip(x0, 0x, 1)",
                           "x99999999999 = Relu(x0)",
                           "x1 = Relu(x0) x2 = Relu(x1)",
                           "x1 = Relu(x70000)"}) {
    EXPECT_THROW(parse_program(text), Error) << text;
  }
  std::string long_text = "x1 = Relu(x0)";
  for (int i = 2; i < 70; ++i) long_text += "; x" + std::to_string(i) + " = Relu(x0)";
  EXPECT_THROW(parse_program(long_text), Error);
}

TEST(Program, Composes) {
  const Program residual = parse_program("x2 = Add(x0, x1)");
  const Program clip = parse_program("x1 = Clip(x0, 0.0, 6.0)");
  EXPECT_EQ(compose(residual, clip).str(), "x2 = Add(x0, x1); x3 = Clip(x2, 0.0, 6.0)");
  EXPECT_EQ(compose(clip, residual, 1).str(), "x2 = Clip(x0, 0.0, 6.0); x3 = Add(x1, x2)");
  EXPECT_EQ(compose(Program{}, residual), residual);
  EXPECT_EQ(compose(residual, Program{}), residual);
  EXPECT_EQ(compose(parse_program("x1 = Sigmoid(x0)"),
                    parse_program("x2 = Sigmoid(x0); x3 = Mul(x1, x2)"), 0)
                .str(),
            "x2 = Sigmoid(x0); x3 = Sigmoid(x2); x4 = Mul(x1, x3)");
}

TEST(Program, MergesAndAddsInputs) {
  Program gate = parse_program("x2 = Sigmoid(x1); x3 = Mul(x0, x2)");
  gate.merge_inputs(0, 1);
  EXPECT_EQ(gate.str(), "x1 = Sigmoid(x0); x2 = Mul(x0, x1)");
  EXPECT_EQ(gate.add_input(), 1);
  gate.append(Function::Add, {gate.result(), 1});
  EXPECT_EQ(gate.str(), "x2 = Sigmoid(x0); x3 = Mul(x0, x2); x4 = Add(x3, x1)");
}

TEST(Program, Evaluates) {
  const Program swish = parse_program("x1 = Sigmoid(x0); x2 = Mul(x0, x1)");
  const double x[] = {1.5};
  EXPECT_DOUBLE_EQ(swish.evaluate(x), 1.5 / (1 + std::exp(-1.5)));
  EXPECT_EQ(swish.operations(), 15);
}

}  // namespace
}  // namespace drawbar::ops
