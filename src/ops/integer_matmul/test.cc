#include "ops/integer_matmul/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::MatMulInteger;
using ops::QLinearMatMul;

const OpCase cases[] = {
    {"unsigned", MatMulInteger{}, {"u8[7, 13]", "u8[13, 33]"}, 1, 0, 255},
    {"unsigned times signed",
     MatMulInteger{},
     {"u8[13, 129]", "const i8[129, 127]", "u8[] = [7]", "i8[] = [-3]"},
     1,
     0,
     127},
    {"signed, batched",
     MatMulInteger{},
     {"i8[2, 3, 7, 5]", "i8[3, 5, 4]", "i8[7] = [1, 2, 3, 4, 5, 6, 7]", "i8[4] = [1, -2, 3, -4]"},
     1,
     -128,
     127},
    {"row zero points",
     MatMulInteger{},
     {"u8[2, 3, 5]", "u8[2, 5, 4]", "u8[2, 3, 1] = [1, 2, 3, 4, 5, 6]",
      "u8[2, 1, 4] = [1, 2, 3, 4, 5, 6, 7, 8]"},
     1,
     0,
     255},
    {"constant weights",
     MatMulInteger{},
     {"u8[7, 129]", "const u8[129, 45]", "u8[] = [128]", "const u8[45]"},
     1,
     0,
     256},
    {"constant weights, signed, without zero points",
     MatMulInteger{},
     {"i8[2, 3, 70]", "const i8[70, 33]"},
     1,
     -128,
     128},
    {"constant weights, zero points of rows",
     MatMulInteger{},
     {"i8[5, 33]", "const i8[33, 20]", "i8[5] = [1, -2, 3, -128, 127]", "const i8[] = [-128]"},
     1,
     -128,
     128},
    {"constant weights, zero points of rows of several matrices",
     MatMulInteger{},
     {"u8[2, 3, 16]", "const i8[16, 7]", "u8[2, 3, 1] = [1, 2, 3, 40, 50, 255]"},
     1,
     0,
     127},
    {"no rows", MatMulInteger{}, {"u8[0, 5]", "u8[5, 4]"}},
    {"quantised",
     QLinearMatMul{},
     {"u8[7, 33]", "f32[] = [0.02]", "u8[] = [128]", "const i8[33, 13]", "f32[] = [0.01]",
      "i8[] = [0]", "f32[] = [0.05]", "u8[] = [100]"},
     1,
     0,
     127},
    {"quantised by column",
     QLinearMatMul{},
     {"i8[2, 3, 5]", "f32[1] = [0.02]", "i8[1] = [3]", "const i8[5, 2]", "f32[2] = [0.01, 0.1]",
      "i8[2] = [1, 2]", "f32[1] = [0.05]", "i8[1] = [-5]"},
     1,
     -128,
     127},
    {"constant, with a bias",
     QLinearMatMul{},
     {"u8[2, 19, 70]", "f32[] = [0.0625]", "u8[] = [12]", "const i8[70, 45]", "f32[45]",
      "const i8[] = [0]", "f32[] = [64.0]", "i8[] = [-3]", "i32[45]"},
     1,
     -90,
     100},
    {"to f32",
     QLinearMatMul{},
     {"u8[2, 19, 70]", "f32[] = [0.0625]", "u8[] = [12]", "const i8[70, 45]", "f32[45]",
      "const i8[] = [0]", "_", "_", "i32[45]"},
     1,
     -90,
     100},
    {"to f32, with a bias in f32",
     QLinearMatMul{},
     {"u8[5, 33]", "f32[] = [0.0625]", "u8[] = [12]", "const i8[33, 45]", "f32[] = [0.01]",
      "const i8[] = [0]", "_", "_", "f32[45]"},
     1,
     -90,
     100},
    {"constant, a row",
     QLinearMatMul{},
     {"i8[1, 129]", "f32[1] = [0.0625]", "i8[1] = [12]", "const u8[129, 33]", "f32[] = [0.125]",
      "const u8[] = [128]", "f32[] = [8.0]", "u8[] = [128]"},
     1,
     -100,
     120},
};

const Rejection rejected[] = {
    {"element type", MatMulInteger{}, {"i32[3, 4]", "u8[4, 5]"}, "a is i32, expected u8 or i8"},
    {"depths", MatMulInteger{}, {"u8[3, 4]", "u8[5, 5]"}, "columns of a and rows of b: 4 and 5"},
    {"zero point",
     MatMulInteger{},
     {"u8[3, 4]", "u8[4, 5]", "_", "u8[4]"},
     "b_zero_point has shape [4], expected a scalar or 5 along axis -1"},
    {"bias of bytes' product",
     QLinearMatMul{},
     {"u8[3, 4]", "f32[]", "u8[]", "u8[4, 5]", "f32[]", "u8[]", "f32[]", "u8[]", "f32[5]"},
     "c is f32, expected i32"},
    {"zero point's type",
     MatMulInteger{},
     {"u8[3, 4]", "u8[4, 5]", "i8[]"},
     "a_zero_point is i8, expected u8"},
};

TEST(IntegerMatMul, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(IntegerMatMul, RefusesBadNodes) { expect_rejected(rejected); }

TEST(IntegerMatMul, RoundsToEvenAndSaturates) {
  const Tensor one = Tensor::scalar(1.0f), two = Tensor::scalar(2.0f);
  const Tensor zero = Tensor::scalar<uint8_t>(0);
  const Tensor a = Tensor::from<uint8_t>({1, 4}, {1, 3, 5, 255});
  const Tensor b = Tensor::from<uint8_t>({4, 4}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 4});
  const Tensor y = run_reference(QLinearMatMul{}, {a, one, zero, b, one, zero, two, zero})[0];
  EXPECT_TRUE(y.identical(Tensor::from<uint8_t>({1, 4}, {0, 2, 2, 255})));
}

}  // namespace
}  // namespace drawbar
