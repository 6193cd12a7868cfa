#include "ops/integer_conv/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ConvInteger;
using ops::QLinearConv;

const OpCase cases[] = {
    {"bytes",
     ConvInteger{.strides = {2, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"u8[2, 7, 5, 6]", "u8[13, 7, 3, 3]", "u8[] = [127]", "u8[1] = [3]"},
     1,
     0,
     255},
    {"signed, by channel",
     ConvInteger{.group = 2},
     {"i8[1, 4, 7, 1]", "i8[6, 2, 3, 1]", "_", "i8[6] = [1, 2, 3, -4, 5, 6]"},
     1,
     -128,
     127},
    {"one dimension", ConvInteger{}, {"u8[1, 3, 129]", "i8[2, 3, 5]"}, 1, 0, 127},
    {"to f32",
     QLinearConv{.pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"u8[1, 7, 5, 6]", "f32[] = [0.02]", "u8[] = [128]", "const i8[13, 7, 3, 3]", "f32[13]",
      "const i8[] = [0]", "_", "_", "i32[13]"},
     1,
     0,
     100},
    {"to f32, depthwise",
     QLinearConv{.group = 3},
     {"u8[1, 3, 5, 6]", "f32[] = [0.02]", "u8[] = [128]", "const i8[3, 1, 3, 3]", "f32[3]",
      "const i8[] = [0]"},
     1,
     0,
     100},
    {"quantised",
     QLinearConv{.pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"u8[1, 7, 5, 6]", "f32[] = [0.02]", "u8[] = [128]", "i8[13, 7, 3, 3]", "f32[] = [0.1]",
      "i8[] = [0]", "f32[] = [0.3]", "u8[] = [100]", "i32[13]"},
     1,
     0,
     100},
    {"quantised, by channel",
     QLinearConv{.auto_pad = ops::AutoPad::same_lower},
     {"i8[2, 3, 5, 6]", "f32[1] = [0.02]", "i8[1] = [5]", "i8[2, 3, 2, 2]", "f32[2] = [0.1, 0.4]",
      "i8[2] = [0, 3]", "f32[1] = [0.3]", "i8[1] = [-7]"},
     1,
     -100,
     100},
    {"constant weights",
     QLinearConv{.pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"u8[2, 20, 5, 6]", "f32[] = [0.0625]", "u8[] = [128]", "const i8[35, 20, 3, 3]",
      "f32[] = [0.125]", "const i8[] = [0]", "f32[] = [0.5]", "u8[] = [100]", "i32[35]"},
     1,
     -20,
     100},
    {"a stem",
     QLinearConv{.strides = {2, 2}, .pads_begin = {3, 3}, .pads_end = {2, 2}},
     {"i8[2, 3, 19, 21]", "f32[] = [0.0625]", "i8[] = [-5]", "const i8[16, 3, 7, 7]", "f32[16]",
      "const i8[] = [0]", "f32[] = [32.0]", "i8[] = [3]"},
     1,
     -100,
     100},
    {"weights of u8, dilated",
     QLinearConv{.strides = {1, 2}, .dilations = {2, 3}, .pads_begin = {2, 1}, .pads_end = {0, 4}},
     {"u8[1, 64, 9, 14]", "f32[] = [0.0625]", "u8[] = [7]", "const u8[33, 64, 2, 3]",
      "f32[] = [0.125]", "const u8[] = [100]", "f32[] = [16.0]", "u8[] = [128]"},
     1,
     0,
     255},
    {"depthwise",
     QLinearConv{.strides = {2, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .group = 115},
     {"u8[2, 115, 7, 6]", "f32[] = [0.0625]", "u8[] = [128]", "const i8[115, 1, 3, 3]", "f32[115]",
      "const i8[] = [0]", "f32[] = [4.0]", "u8[] = [100]", "i32[115]"},
     1,
     -20,
     100},
    {"depthwise, signed, even taps, few channels",
     QLinearConv{.dilations = {1, 2}, .group = 7},
     {"i8[1, 7, 5, 9]", "f32[] = [0.0625]", "i8[] = [-3]", "const u8[7, 1, 2, 3]",
      "f32[] = [0.125]", "const u8[] = [100]", "f32[] = [4.0]", "i8[] = [5]"},
     1,
     -100,
     100},
    {"few channels in wide pads",
     QLinearConv{.strides = {150, 1}, .pads_begin = {300, 1}, .pads_end = {200, 0}},
     {"u8[1, 3, 4, 5]", "f32[] = [0.0625]", "u8[] = [90]", "const i8[9, 3, 2, 2]",
      "f32[] = [0.125]", "const i8[] = [0]", "f32[] = [4.0]", "u8[] = [100]"},
     1,
     -100,
     100},
    {"a row of few channels",
     QLinearConv{.pads_begin = {0, 4}, .pads_end = {0, 1}},
     {"u8[1, 5, 2, 3]", "f32[] = [0.0625]", "u8[] = [9]", "const i8[4, 5, 1, 3]", "f32[] = [0.125]",
      "const i8[] = [-3]", "f32[] = [1.0]", "u8[] = [0]"},
     1,
     0,
     120},
};

const Rejection rejected[] = {
    {"types", ConvInteger{}, {"i32[1, 1, 4, 4]", "u8[1, 1, 1, 1]"}, "x is i32, expected u8 or i8"},
    {"zero point's type",
     ConvInteger{},
     {"u8[1, 1, 4, 4]", "u8[1, 1, 1, 1]", "i8[]"},
     "x_zero_point is i8, expected u8"},
    {"zero points",
     ConvInteger{},
     {"u8[1, 1, 4, 4]", "u8[2, 1, 1, 1]", "_", "u8[3]"},
     "w_zero_point's size"},
    {"channels", ConvInteger{}, {"u8[1, 2, 4, 4]", "u8[2, 1, 1, 1]"}, "x has 2"},
    {"scales",
     QLinearConv{},
     {"u8[1, 1, 4, 4]", "f32[]", "u8[]", "u8[2, 1, 1, 1]", "f32[3]", "u8[]", "f32[]", "u8[]"},
     "w's scales"},
    {"bias",
     QLinearConv{},
     {"u8[1, 1, 4, 4]", "f32[]", "u8[]", "u8[2, 1, 1, 1]", "f32[]", "u8[]", "f32[]", "u8[]",
      "i32[3]"},
     "b's size"},
};

TEST(IntegerConv, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(IntegerConv, RefusesBadNodes) { expect_rejected(rejected); }

TEST(QLinearConv, RoundsToEvenAndSaturates) {
  const auto one = [](auto v) { return Tensor::scalar(v); };
  const Tensor x = Tensor::from<uint8_t>({1, 1, 4}, {1, 3, 5, 255});
  const Tensor w = Tensor::from<int8_t>({1, 1, 1}, {1});
  const std::vector<Tensor> y = run_reference(
      QLinearConv{},
      {x, one(0.5f), one(uint8_t{0}), w, one(1.0f), one(int8_t{0}), one(1.0f), one(uint8_t{200})});
  expect_close(y[0], Tensor::from<uint8_t>({1, 1, 4}, {200, 202, 202, 255}), 0, 0, "y");
}

}  // namespace
}  // namespace drawbar
