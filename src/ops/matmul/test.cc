#include "ops/matmul/op.h"
#include "tests/support/half_cases.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::MatMul;
using ops::Program;

const Program relu_of_sum = ops::parse_program("x2 = Add(x0, x1); x3 = Relu(x2)");

constexpr double half_atol = 1e-4;  // what the tile unit leaves out of a's numbers

const OpCase cases[] = {
    {"odd sizes", MatMul{}, {"f32[7, 13]", "f32[13, 129]"}},
    {"constant b", MatMul{}, {"f32[127, 129]", "const f32[129, 33]"}},
    {"constant b, one row", MatMul{}, {"f32[1, 129]", "const f32[129, 127]"}},
    {"constant b, three rows", MatMul{}, {"f32[3, 1025]", "const f32[1025, 65]"}},
    {"constant b transposed", MatMul{.transpose_b = true}, {"f32[13, 65]", "const f32[31, 65]"}},
    {"constant b, scaled", MatMul{.alpha = 0.25f}, {"f32[13, 65]", "const f32[65, 31]"}},
    {"a of many dimensions", MatMul{}, {"f32[2, 3, 7, 13]", "const f32[13, 17]"}},
    {"a transposed", MatMul{.transpose_a = true}, {"f32[13, 7]", "f32[13, 5]"}},
    {"a transposed, constant b", MatMul{.transpose_a = true}, {"f32[33, 7]", "const f32[33, 5]"}},
    {"both transposed",
     MatMul{.transpose_a = true, .transpose_b = true, .alpha = 0.5f},
     {"f32[2, 13, 7]", "f32[2, 5, 13]"}},
    {"batch", MatMul{}, {"f32[2, 3, 7, 13]", "f32[2, 3, 13, 5]"}},
    {"attention scores",
     MatMul{.transpose_b = true, .alpha = 0.125f},
     {"f32[1, 3, 129, 64]", "f32[1, 3, 129, 64]"}},
    {"broadcast batch", MatMul{}, {"f32[2, 1, 7, 13]", "f32[3, 13, 5]"}},
    {"broadcast constant batch", MatMul{}, {"f32[2, 3, 7, 13]", "const f32[3, 13, 5]"}},
    {"a without batch", MatMul{}, {"f32[7, 13]", "f32[2, 13, 5]"}},
    {"row bias", MatMul{}, {"f32[7, 13]", "const f32[13, 33]", "const f32[33]"}},
    {"run-time bias", MatMul{.alpha = 2}, {"f32[7, 13]", "const f32[13, 33]", "f32[33]"}},
    {"column bias", MatMul{}, {"f32[7, 13]", "f32[13, 33]", "f32[7, 1]"}},
    {"scalar bias", MatMul{}, {"f32[7, 13]", "const f32[13, 33]", "f32[]"}},
    {"matrix bias", MatMul{}, {"f32[2, 7, 13]", "const f32[13, 33]", "f32[7, 33]"}},
    {"full bias", MatMul{}, {"f32[2, 7, 13]", "f32[2, 13, 33]", "f32[2, 7, 33]"}},
    {"bias and activation",
     MatMul{.post = Program::of(ops::Function::Relu)},
     {"f32[127, 13]", "const f32[13, 65]", "const f32[65]"}},
    {"residual and activation",
     MatMul{.post = relu_of_sum},
     {"f32[2, 127, 13]", "const f32[13, 65]", "const f32[65]", "f32[2, 127, 65]"}},
    {"one row, residual and activation",
     MatMul{.post = relu_of_sum},
     {"f32[1, 200]", "const f32[200, 65]", "_", "f32[1, 65]"}},
    {"halves, residual and activation",
     MatMul{.post = relu_of_sum},
     {"f16[2, 17, 13]", "const f16[13, 40]", "const f16[40]", "f16[2, 17, 40]"}},
    {"bfloats and activation",
     MatMul{.post = Program::of(ops::Function::Relu)},
     {"bf16[9, 64]", "const bf16[64, 24]", "_"}},
    {"batched, broadcast operand",
     MatMul{.post = relu_of_sum},
     {"f32[2, 3, 7, 13]", "f32[2, 3, 13, 5]", "_", "f32[2, 1, 7, 5]"}},
    {"no rows", MatMul{}, {"f32[0, 13]", "const f32[13, 5]"}},
    {"no depth", MatMul{}, {"f32[3, 0]", "f32[0, 5]", "f32[5]"}},
    {"vectors", MatMul{}, {"f32[13]", "f32[13]"}},
    {"vector times stack", MatMul{}, {"f32[13]", "f32[2, 13, 5]"}},
    {"stack times vector", MatMul{}, {"f32[2, 5, 13]", "f32[13]"}},
    {"double", MatMul{}, {"f64[7, 13]", "f64[13, 5]"}},
    {"half", MatMul{}, {"f16[7, 13]", "f16[13, 5]"}},
    {"bfloat16", MatMul{}, {"bf16[7, 13]", "bf16[13, 5]", "bf16[5]"}},
    {"many rows, scaled",
     MatMul{.transpose_a = true, .alpha = 0.25f},
     {"f32[65, 130]", "const f32[65, 40]"}},
    {"weights in f16 at run time", MatMul{}, {"f32[7, 13]", "f16[13, 5]"}},
    {"integers", MatMul{}, {"i64[7, 13]", "i64[13, 5]"}, 1, -9, 9},
    {"integers, many rows", MatMul{}, {"i32[33, 17]", "i32[17, 66]", "i32[66]"}, 1, -9, 9},
    {"large tiles", MatMul{}, {"f32[130, 40]", "f32[40, 132]", "f32[132]"}},
    {"large tiles, both transposed",
     MatMul{.transpose_a = true, .transpose_b = true},
     {"f32[2, 36, 132]", "f32[36, 36]"}},
    {"large tiles of halves", MatMul{}, {"f16[129, 40]", "f16[40, 136]", "f16[129, 1]"}},
    {"large tiles of halves, b transposed",
     MatMul{.transpose_b = true},
     {"bf16[2, 65, 24]", "bf16[131, 24]"}},
    {"deep", MatMul{.transpose_b = true}, {"f32[12, 1029]", "f32[20, 1029]", "f32[12, 1]"}},
    {"deep, activation",
     MatMul{.post = relu_of_sum},
     {"f32[12, 600]", "f32[600, 20]", "_", "f32[20]"}},
    {"wide tiles", MatMul{}, {"f32[70, 20, 9]", "f32[70, 9, 100]"}},
    {"high tiles",
     MatMul{.transpose_b = true, .post = Program::of(ops::Function::Relu)},
     {"f32[70, 100, 8]", "f32[70, 20, 8]"}},
    {"double, many rows", MatMul{.transpose_a = true}, {"f64[18, 66]", "f64[18, 68]", "f64[68]"}},
    {"halves, a transposed",
     MatMul{.transpose_a = true, .alpha = 0.5f},
     {"f16[40, 66]", "f16[40, 70]", "f16[70]"}},
    {"deep halves", MatMul{.transpose_b = true}, {"bf16[12, 600]", "bf16[20, 600]"}},
    {"few rows of halves", MatMul{}, {"f16[3, 100]", "f16[100, 72]", "f16[72]"}},
    {"few rows, b transposed", MatMul{.transpose_b = true}, {"f32[5, 136]", "f32[13, 136]"}},
    {"few rows of halves, b transposed",
     MatMul{.transpose_b = true, .alpha = 0.5f},
     {"bf16[8, 136]", "bf16[13, 136]", "bf16[1]"}},
    {"few rows, deep", MatMul{}, {"f32[2, 2, 1100]", "f32[2, 1100, 12]", "f32[2, 1, 12]"}},
    {"few columns", MatMul{}, {"f32[33, 72]", "f32[72, 3]", "f32[33, 1]"}},
    {"few columns, both transposed",
     MatMul{.transpose_a = true, .transpose_b = true},
     {"f32[72, 36]", "f32[2, 72]"}},
    {"one column of doubles", MatMul{}, {"f64[3, 17, 10]", "f64[3, 10, 1]"}},
    {"f8", MatMul{.transpose_b = true}, {"f8e4m3fn[33, 48]", "const f8e4m3fn[32, 48]"}},
    {"f8, constant b as it came", MatMul{}, {"f8e4m3fn[7, 13]", "const f8e4m3fn[13, 5]"}},
    {"f8, a transposed",
     MatMul{.transpose_a = true, .transpose_b = true},
     {"f8e4m3fn[2, 32, 9]", "const f8e4m3fn[17, 32]"}},
    {"f8, bias",
     MatMul{.transpose_b = true, .alpha = 0.25f},
     {"f8e4m3fn[2, 17, 64]", "const f8e4m3fn[48, 64]", "f32[48]"}},
    {"f8 to halves",
     MatMul{.transpose_b = true, .alpha = 0.25f},
     {"f8e4m3fn[2, 17, 64]", "const f8e4m3fn[48, 64]", "f16[48]"}},
    {"f8, large tiles to bfloats",
     MatMul{.transpose_b = true, .post = Program::of(ops::Function::Relu)},
     {"f8e4m3fn[130, 64]", "f8e4m3fn[80, 64]", "bf16[80]"}},
    {"f8, large tiles, b as it came", MatMul{}, {"f8e4m3fn[129, 40]", "f8e4m3fn[40, 144]"}},
    {"f8, factors of columns",
     MatMul{.transpose_b = true, .post = ops::parse_program("x3 = Mul(x0, x1); x4 = Add(x3, x2)")},
     {"f8e4m3fn[40, 32]", "const f8e4m3fn[24, 32]", "_", "f32[24]", "f32[24]"}},
    {"f8, few rows", MatMul{.transpose_b = true}, {"f8e4m3fn[3, 96]", "f8e4m3fn[40, 96]"}},
    {"f8, few rows, deep", MatMul{}, {"f8e4m3fn[2, 1200]", "f8e4m3fn[1200, 40]", "f16[40]"}},
};

const Rejection rejected[] = {
    {"depths differ",
     MatMul{},
     {"f32[3, 4]", "f32[5, 6]"},
     "has 4 columns, but b [5, 6] has 5 rows"},
    {"batches differ", MatMul{}, {"f32[2, 3, 4]", "f32[3, 4, 6]"}, "do not broadcast: 2 against 3"},
    {"scalar", MatMul{}, {"f32[]", "f32[4, 6]"}, "a is a scalar"},
    {"types differ", MatMul{}, {"f32[3, 4]", "f64[4, 6]"}, "b is f64, but a is f32"},
    {"halves by floats", MatMul{}, {"f16[3, 4]", "f32[4, 6]"}, "b is f32, but a is f16"},
    {"doubles by halves", MatMul{}, {"f64[3, 4]", "f16[4, 6]"}, "b is f16, but a is f64"},
    {"f8 by floats", MatMul{}, {"f8e4m3fn[3, 4]", "f32[4, 6]"}, "a is f8e4m3fn, expected floats"},
    {"f8 and a bias of doubles",
     MatMul{},
     {"f8e4m3fn[3, 4]", "f8e4m3fn[4, 6]", "f64[6]"},
     "y is f64, expected f32 or a half"},
    {"bytes", MatMul{}, {"i8[3, 4]", "i8[4, 6]"}, "a is i8, expected floats or integers of 32"},
    {"bias too large",
     MatMul{},
     {"f32[3, 4]", "f32[4, 6]", "f32[2, 3, 6]"},
     "bias has shape [2, 3, 6], which does not broadcast to [3, 6]"},
    {"program of doubles",
     MatMul{.post = Program::of(ops::Function::Relu)},
     {"f64[3, 4]", "f64[4, 6]"},
     "a fused program needs f32"},
};

TEST(MatMul, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(MatMul, ReadsWeightsInHalf) { expect_targets_agree(with_half_weights(cases, half_atol)); }
TEST(MatMul, RefusesBadNodes) { expect_rejected(rejected); }

TEST(MatMul, ShapesStaySymbolic) {
  const Type a(ElementType::f32, {Dim::symbol("N"), Dim(7), Dim(13)});
  const Type b(ElementType::f32, {Dim(13), Dim::symbol("M")});
  Infer context("t", {{&a}, {&b}}, 1);
  infer(MatMul{}, context);
  EXPECT_EQ(to_string(context.results()[0].type), "f32[N, 7, M]");
}

}  // namespace
}  // namespace drawbar
