#include "ops/integer_conv_add/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::QLinearConv;
using ops::QLinearConvAdd;

const QLinearConv three_by_three{.pads_begin = {1, 1}, .pads_end = {1, 1}};

// Scales are powers of two, so that rounding has little to choose.
const OpCase cases[] = {
    {"pointwise",
     QLinearConvAdd{},
     {"u8[1, 20, 5, 7]", "f32[] = [0.0625]", "u8[] = [128]", "const i8[35, 20, 1, 1]",
      "f32[] = [0.125]", "const i8[] = [0]", "f32[] = [0.5]", "u8[] = [100]", "i32[35]",
      "u8[1, 35, 5, 7]", "f32[] = [0.25]", "u8[] = [3]", "f32[] = [0.5]", "u8[] = [90]",
      "f32[] = [0.5]", "u8[] = [20]"},
     1,
     -20,
     100},
    {"three by three, of many images, the other first, signed",
     QLinearConvAdd{three_by_three, true},
     {"i8[3, 64, 9, 6]", "f32[] = [0.0625]", "i8[] = [-5]", "const i8[70, 64, 3, 3]", "f32[70]",
      "const i8[] = [0]", "f32[] = [32.0]", "i8[] = [7]", "_", "i8[3, 70, 9, 6]", "f32[] = [0.25]",
      "i8[] = [-3]", "f32[] = [0.5]", "i8[] = [1]", "f32[] = [0.5]", "i8[] = [-9]"},
     1,
     -100,
     100},
    {"types of all kinds, a stride",
     QLinearConvAdd{QLinearConv{.strides = {2, 2}}},
     {"u8[2, 33, 9, 11]", "f32[] = [0.0625]", "u8[] = [7]", "const u8[32, 33, 1, 1]",
      "f32[] = [0.125]", "const u8[] = [100]", "f32[] = [4.0]", "i8[] = [5]", "i32[32]",
      "u8[2, 32, 5, 6]", "f32[] = [0.25]", "u8[] = [130]", "f32[] = [2.0]", "i8[] = [5]",
      "f32[] = [1.0]", "i8[] = [0]"},
     1,
     0,
     255},
    {"dilated, pads of two kinds",
     QLinearConvAdd{QLinearConv{.dilations = {2, 1}, .pads_begin = {2, 0}, .pads_end = {1, 2}}},
     {"u8[2, 48, 7, 5]", "f32[] = [0.0625]", "u8[] = [200]", "const i8[40, 48, 3, 2]", "f32[40]",
      "const i8[] = [3]", "f32[] = [16.0]", "u8[] = [100]", "i32[40]", "i8[2, 40, 6, 6]",
      "f32[] = [0.25]", "i8[] = [0]", "f32[] = [0.5]", "u8[] = [100]", "f32[] = [0.25]",
      "u8[] = [60]"},
     1,
     -100,
     200},
    {"all constant",
     QLinearConvAdd{three_by_three},
     {"u8[1, 32, 5, 7]", "const f32[] = [0.0625]", "const u8[] = [128]", "const i8[48, 32, 3, 3]",
      "const f32[] = [0.125]", "const i8[] = [0]", "const f32[] = [16.0]", "const u8[] = [100]",
      "const i32[48]", "u8[1, 48, 5, 7]", "const f32[] = [0.25]", "const u8[] = [3]",
      "const f32[] = [0.5]", "const u8[] = [90]", "const f32[] = [0.5]", "const u8[] = [20]"},
     1,
     -20,
     100},
    {"in groups",
     QLinearConvAdd{QLinearConv{.group = 2}},
     {"u8[1, 8, 3, 3]", "f32[] = [0.0625]", "u8[] = [7]", "const i8[4, 4, 1, 1]", "f32[] = [0.125]",
      "const i8[] = [0]", "f32[] = [0.5]", "u8[] = [5]", "_", "u8[1, 4, 3, 3]", "f32[] = [0.25]",
      "u8[] = [0]", "f32[] = [0.5]", "u8[] = [5]", "f32[] = [0.5]", "u8[] = [0]"},
     1,
     0,
     100},
};

const Rejection rejected[] = {
    {"the convolution",
     QLinearConvAdd{},
     {"u8[1, 2, 4, 4]", "f32[]", "u8[]", "u8[2, 1, 1, 1]", "f32[]", "u8[]", "f32[]", "u8[]", "_",
      "u8[1, 2, 4, 4]", "f32[]", "u8[]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "x has 2"},
    {"the shape of the other",
     QLinearConvAdd{},
     {"u8[1, 1, 4, 4]", "f32[]", "u8[]", "u8[2, 1, 1, 1]", "f32[]", "u8[]", "f32[]", "u8[]", "_",
      "u8[1, 2, 4, 5]", "f32[]", "u8[]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "dimensions of a and b"},
};

TEST(QLinearConvAdd, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(QLinearConvAdd, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
