#include "ops/quantize/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::DequantizeLinear;
using ops::DynamicQuantizeLinear;
using ops::QuantizeLinear;
using enum ElementType;

const OpCase cases[] = {
    {"u8", QuantizeLinear{u8}, {"f32[7, 129]", "f32[] = [0.02]", "u8[] = [128]"}, 1, -4, 4},
    {"i8", QuantizeLinear{i8}, {"f32[127]", "f32[] = [0.01]", "i8[] = [-3]"}, 1, -2, 2},
    {"no zero point", QuantizeLinear{i8}, {"f32[129]", "f32[1] = [0.01]", "_"}, 1, -2, 2},
    {"ties",
     QuantizeLinear{i8},
     {"f32[6] = [0.5, 1.5, 2.5, -0.5, -1.5, 300.0]", "f32[] = [1.0]", "i8[] = [0]"}},
    {"special", QuantizeLinear{u8}, {"f32[3] = [nan, inf, -inf]", "f32[] = [1.0]", "u8[] = [7]"}},
    {"channels",
     QuantizeLinear{u8},
     {"f32[2, 3, 17, 5]", "f32[3] = [0.01, 0.02, 0.5]", "u8[3] = [0, 128, 255]"}},
    {"last axis",
     QuantizeLinear{i8, -1},
     {"f32[13, 3]", "f32[3] = [0.01, 0.02, 0.5]", "i8[3] = [0, 12, -25]"}},
    {"last axis, long", QuantizeLinear{i8, 1}, {"f32[5, 133]", "f32[133]", "i8[133]"}, 1, 0.1, 5},
    {"blocks",
     QuantizeLinear{i8, 1, 3},
     {"f32[2, 7, 5]", "f32[2, 3, 5]", "i8[2, 3, 5]"},
     1,
     0.1,
     4},
    {"i16", QuantizeLinear{i16}, {"f32[17]", "f32[] = [0.001]", "i16[] = [100]"}, 1, -9, 9},
    {"u4", QuantizeLinear{u4}, {"f32[7]", "f32[] = [0.1]", "u4[] = [3]"}},
    {"i2", QuantizeLinear{i2}, {"f32[7]", "f32[] = [0.5]", "_"}},
    {"f8", QuantizeLinear{f8e4m3fn}, {"f32[7]", "f32[] = [0.001]", "_"}},
    {"half", QuantizeLinear{u8, 1, 0, true, f16}, {"f16[7]", "f16[] = [0.02]", "u8[] = [9]"}},
    {"from i32", QuantizeLinear{i8}, {"i32[7]", "f32[] = [2.0]", "_"}, 1, -300, 300},
    {"empty", QuantizeLinear{u8}, {"f32[0, 3]", "f32[] = [0.02]", "_"}},
    {"back from u8",
     DequantizeLinear{},
     {"u8[7, 129]", "f32[] = [0.02]", "u8[] = [128]"},
     1,
     0,
     255},
    {"back from i8", DequantizeLinear{}, {"i8[127]", "f32[] = [0.02]", "_"}, 1, -128, 127},
    {"back from i32", DequantizeLinear{}, {"i32[127]", "f32[] = [0.02]", "_"}, 1, -9999, 9999},
    {"back, channels",
     DequantizeLinear{},
     {"u8[2, 3, 17, 5]", "f32[3] = [0.01, 0.02, 0.5]", "u8[3] = [0, 128, 255]"},
     1,
     0,
     255},
    {"back, last axis", DequantizeLinear{f32, -1}, {"i8[5, 133]", "f32[133]", "i8[133]"}, 1, -9, 9},
    {"back, channels of i32", DequantizeLinear{f32, 0}, {"i32[9]", "f32[9]", "_"}, 1, -99, 99},
    {"back, blocks", DequantizeLinear{f32, 1, 3}, {"i8[2, 7, 5]", "f32[2, 3, 5]", "_"}, 1, -9, 9},
    {"last axis in blocks",
     QuantizeLinear{u8, -1, 16},
     {"f32[3, 2, 37]", "f32[3, 2, 3]", "u8[3, 2, 3]"},
     1,
     0.1,
     4},
    {"back, last axis in blocks",
     DequantizeLinear{f32, -1, 16},
     {"i8[3, 2, 37]", "f32[3, 2, 3]", "i8[3, 2, 3]"},
     1,
     -9,
     9},
    {"back, last axis in one block",
     DequantizeLinear{f32, 1, int64_t{1} << 40},
     {"u8[5, 37]", "f32[5, 1]", "u8[5, 1]"},
     1,
     0,
     255},
    {"back, first axis in blocks",
     DequantizeLinear{f32, 0, 4},
     {"u8[10, 3, 33]", "f32[3, 3, 33]", "u8[3, 3, 33]"},
     1,
     0,
     255},
    {"back to half", DequantizeLinear{f16}, {"u8[7]", "f16[] = [0.02]", "u8[] = [9]"}, 1, 0, 255},
    {"back from i4", DequantizeLinear{}, {"i4[7]", "f32[] = [0.5]", "i4[] = [1]"}, 1, -8, 7},
    {"back from f8", DequantizeLinear{}, {"f8e5m2[7]", "f32[] = [0.5]", "_"}},
    {"range", DynamicQuantizeLinear{}, {"f32[3, 1049]"}, 3, -2, 5},
    {"range above 0", DynamicQuantizeLinear{}, {"f32[129]"}, 3, 1, 5},
    {"range of nothing", DynamicQuantizeLinear{}, {"f32[3] = [0.0, 0.0, 0.0]"}, 3},
    {"empty range", DynamicQuantizeLinear{}, {"f32[0]"}, 3},
};

const Rejection rejected[] = {
    {"zero point",
     QuantizeLinear{u8},
     {"f32[7]", "f32[]", "i8[]"},
     "zero_point is i8, expected u8"},
    {"scales", QuantizeLinear{u8}, {"f32[2, 3]", "f32[2]", "_"}, "fits neither"},
    {"axis", QuantizeLinear{u8, 5}, {"f32[2, 3]", "f32[3]", "_"}, "axis is 5, expected -2 to 1"},
    {"blocks", QuantizeLinear{u8, 1, 2}, {"f32[2, 3]", "f32[2, 3]", "_"}, "fits neither"},
    {"block", QuantizeLinear{u8, 1, -1}, {"f32[2, 3]", "f32[2, 3]", "_"}, "block_size is -1"},
    {"type", QuantizeLinear{i64}, {"f32[2]", "f32[]", "_"}, "to is i64"},
    {"no numbers", DequantizeLinear{}, {"f32[2]", "f32[]", "_"}, "expected a quantized type"},
    {"target", DequantizeLinear{i8}, {"i8[2]", "f32[]", "_"}, "to is i8"},
    {"ranks", DequantizeLinear{}, {"i8[2]", "f32[]", "i8[2]"}, "expected scale's shape"},
};

TEST(Quantize, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Quantize, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
