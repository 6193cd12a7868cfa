#include <cmath>

#include "ops/pointwise/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Elementwise;
using ops::Function;
using ops::FunctionTypes;
using ops::parse_program;
using ops::Pointwise;

Pointwise program(const char* text) { return Pointwise{parse_program(text)}; }

/// Every member over every type it has an own kernel for, with broadcasting on both sides.
std::vector<OpCase> member_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](Function f, std::vector<std::string> types, double low, double high) {
    for (const auto& [shapes, name] : {std::pair<std::vector<std::string>, const char*>{
                                           {"[7, 129]", "[7, 129]", "[7, 129]"}, "same shapes"},
                                       {{"[3, 13, 1]", "[1, 7]", "[13, 7]"}, "broadcast"},
                                       {{"[2, 300]", "[]", "[2, 1]"}, "scalars and rows"}}) {
      OpCase op_case{fmt::format("{} {}, {}", info(f).name, types[0], name), Elementwise(f), {}};
      const size_t arity = static_cast<size_t>(info(f).arity);
      if (f == Function::PRelu && std::string_view(name) == "broadcast") continue;
      for (size_t i = 0; i < arity; ++i)
        op_case.inputs.push_back(types[std::min(i, types.size() - 1)] + shapes[i]);
      op_case.low = low;
      op_case.high = high;
      cases.push_back(std::move(op_case));
    }
  };
  for (int i = 1; i < ops::function_count(); ++i) {
    const auto f = static_cast<Function>(i);
    switch (info(f).types) {
      case FunctionTypes::floats:
      case FunctionTypes::tests: {
        const bool positive = f == Function::Log || f == Function::Sqrt;
        const bool above_one = f == Function::Acosh,
                   unit = f == Function::Asin || f == Function::Acos || f == Function::Atanh;
        const double low = positive ? 0.1 : above_one ? 1 : unit ? -0.99 : -3;
        add(f, {"f32"}, low, unit ? 0.99 : 3);
        break;
      }
      case FunctionTypes::numbers: {
        const bool division = f == Function::Div || f == Function::Mod || f == Function::Fmod;
        add(f, {"f32"}, division ? 0.5 : -3, 3);
        add(f, {"i64"}, -9, 9);
        add(f, {"i32"}, -9, 9);
        break;
      }
      case FunctionTypes::powers:
        add(f, {"f32"}, 0.5, 3);
        break;
      case FunctionTypes::comparisons:
        add(f, {"f32"}, -1, 1);
        add(f, {"i64"}, -2, 2);
        if (f == Function::Equal) add(f, {"bool"}, 0, 2);
        break;
      case FunctionTypes::logic:
        add(f, {"bool"}, 0, 2);
        break;
      case FunctionTypes::bits:
        add(f, {"i64"}, 0, 40);
        add(f, {"i32"}, 0, 40);
        break;
      case FunctionTypes::selection:
        for (const char* type : {"f32", "i64", "bool", "f64"}) add(f, {"bool", type}, 0, 2);
        break;
    }
  }
  return cases;
}

const OpCase cases[] = {
    {"leaky", Elementwise(Function::LeakyRelu, 0.2f), {"f32[2, 13, 7, 5]"}},
    {"clip", Elementwise(Function::Clip, -0.5f, 0.25f), {"f32[1, 3, 9, 11]"}},
    {"channels", Elementwise(Function::Add), {"f32[2, 13, 7, 5]", "f32[13, 1, 1]"}},
    {"channel constants",
     Elementwise(Function::Mul),
     {"f32[2, 13, 7, 5]", "const f32[1, 13, 1, 1]"}},
    {"lower rank", Elementwise(Function::Sub), {"f32[2, 3, 7, 5]", "f32[3, 7, 5]"}},
    {"squeeze and excite", Elementwise(Function::Mul), {"f32[2, 13, 7, 5]", "f32[2, 13, 1, 1]"}},
    {"slope", Elementwise(Function::PRelu), {"f32[2, 13, 7, 5]", "f32[13, 1, 1]"}},
    {"long", Elementwise(Function::Add), {"f32[70001]", "f32[70001]"}},
    {"one", Elementwise(Function::Exp), {"f32[1]"}},
    {"scalar", Elementwise(Function::Tanh), {"f32[]"}},
    {"empty", Elementwise(Function::Add), {"f32[0, 3]", "f32[3]"}},
    {"double", Elementwise(Function::Exp), {"f64[13]"}},
    {"half", Elementwise(Function::Sigmoid), {"f16[129]"}},
    {"bfloat", Elementwise(Function::Add), {"bf16[129]", "bf16[1]"}},
    {"bytes", Elementwise(Function::Max), {"u8[13]", "u8[13]"}, 1, 0, 255},
    {"shifted words",
     Elementwise(Function::BitShiftLeft),
     {"u16[13]", "u16[1] = [3]"},
     1,
     0,
     60000},
    {"int power", Elementwise(Function::Pow), {"i32[4] = [2, -3, 7, 0]", "i64[4] = [5, 3, 0, 0]"}},
    {"power of another type", Elementwise(Function::Pow), {"f32[7]", "i32[7]"}, 1, 1, 4},
    {"lowest quotient",
     Elementwise(Function::Div),
     {"i32[3] = [-2147483648, 7, -7]", "i32[3] = [-1, 0, 2]"}},
    {"infinities", Elementwise(Function::IsInf), {"f32[3] = [inf, -inf, 1.0]"}},
    {"shifts out of range",
     Elementwise(Function::BitShiftRight),
     {"i32[4] = [-8, 4, -8, -8]", "i32[4] = [32, 40, -1, 1]"}},
    {"remainders",
     Elementwise(Function::Mod),
     {"i64[4] = [7, -7, 7, -7]", "i64[4] = [3, 3, -3, -3]"}},
    {"not a number",
     Elementwise(Function::Max),
     {"f32[3] = [nan, 1.0, -inf]", "f32[3] = [1.0, nan, nan]"}},
    {"strings",
     Elementwise(Function::Equal),
     {"string[2] = [\"a\", \"b\"]", "string[1] = [\"a\"]"}},
    {"residual",
     program("x2 = Add(x0, x1); x3 = Relu(x2)"),
     {"f32[2, 13, 7, 5]", "f32[2, 13, 7, 5]"}},
    {"scale and shift",
     program("x3 = Mul(x0, x1); x4 = Add(x3, x2); x5 = Relu(x4)"),
     {"f32[2, 13, 7, 5]", "f32[13, 1, 1]", "f32[13, 1, 1]"}},
    {"swish", program("x1 = Sigmoid(x0); x2 = Mul(x0, x1)"), {"f32[3, 127]"}},
    {"program of halves", program("x2 = Add(x0, x1); x3 = Gelu(x2)"), {"f16[3, 40]", "f16[40]"}},
    {"mask over bfloats",
     program("x3 = Where(x0, x1, x2); x4 = Tanh(x3)"),
     {"bool[3, 1, 33]", "bf16[3, 9, 33]", "bf16[]"}},
    {"mask",
     program("x3 = Where(x0, x1, x2); x4 = Tanh(x3)"),
     {"bool[3, 1, 127]", "f32[3, 9, 127]", "f32[]"}},
    {"mask over short lines",
     program("x3 = Where(x0, x1, x2); x4 = Mul(x3, x1)"),
     {"bool[9, 1]", "f32[3, 9, 7]", "f32[7]"}},
    {"many temporaries",
     program(
         "x2 = Sub(x0, x1); x3 = Mul(x2, x2); x4 = Exp(x3); x5 = Add(x4, x2); x6 = Div(x5, x4); "
         "x7 = Max(x6, x3); x8 = Constant(0.5); x9 = Mul(x7, x8)"),
     {"f32[3, 700]", "f32[3, 1]"}},
    {"inner columns", program("x2 = Add(x0, x1)"), {"f32[31, 16]", "f32[16]"}},
    {"only scalars matter", program("x2 = Abs(x1)"), {"f32[3, 300]", "f32[]"}},
};

const Rejection rejected[] = {
    {"types", Elementwise(Function::Add), {"f32[2]", "i32[2]"}, "expected the same type"},
    {"shapes", Elementwise(Function::Add), {"f32[2]", "f32[3]"}, "do not broadcast"},
    {"no float", Elementwise(Function::Exp), {"i32[2]"}, "input 0 is i32, expected a float type"},
    {"no condition", Elementwise(Function::Where), {"f32[2]", "f32[2]", "f32[2]"}, "expected bool"},
    {"strings", Elementwise(Function::Less), {"string[1]", "string[1]"}, "expected a number type"},
    {"slope", Elementwise(Function::PRelu), {"f32[3]", "f32[2, 3]"}, "does not spread over x"},
    {"inputs", program("x2 = Add(x0, x1)"), {"f32[2]"}, "has 1 inputs, expected 2"},
    {"program of integers",
     program("x2 = Add(x0, x1)"),
     {"i32[2]", "i32[2]"},
     "expected f32, f16, bf16 or bool"},
};

TEST(Pointwise, EveryMemberAgreesOnEveryTarget) { expect_targets_agree(member_cases()); }
TEST(Pointwise, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Pointwise, RefusesBadNodes) { expect_rejected(rejected); }

/// Sizes flow through arithmetic on shapes.
TEST(Pointwise, CarriesContents) {
  const Type two(ElementType::i64, {2});
  const auto content = [&](Function f, Dims a, Dims b) -> std::string {
    const Infer::Input inputs[] = {{&two, nullptr, &a}, {&two, nullptr, &b}};
    Infer context("node", {inputs[0], inputs[1]}, 1);
    infer(Elementwise(f), context);
    const auto& result = context.results()[0].content;
    return result ? to_string(*result) : "unknown";
  };
  const Dim n = Dim::symbol("N");
  EXPECT_EQ(content(Function::Add, {n, 3}, {1, 4}), to_string(Dims{n + 1, 7}));
  EXPECT_EQ(content(Function::Mul, {n, 3}, {2}), to_string(Dims{n * 2, 6}));
  EXPECT_EQ(content(Function::Div, {n, -7}, {2, 2}), to_string(Dims{floor_div(n, 2), -3}));
  EXPECT_EQ(content(Function::Div, {n, 1}, {0, 1}), "unknown");
  EXPECT_EQ(content(Function::Equal, {n, 3}, {n, 4}), "1, 0");
  EXPECT_EQ(content(Function::Equal, {n, 3}, {2, 4}), "unknown");
  EXPECT_EQ(content(Function::Max, {n, 3}, {2, 4}), to_string(Dims{max(n, 2), 4}));
  EXPECT_EQ(content(Function::Mul, {int64_t{1} << 62, 1}, {4, 1}), "unknown");
}

}  // namespace
}  // namespace drawbar
