#include "ops/conv_transpose/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::AutoPad;
using ops::ConvTranspose;
using ops::parse_program;

const OpCase cases[] = {
    {"2 x 2, stride 2",
     ConvTranspose{.strides = {2, 2}},
     {"f32[3, 16, 7, 5]", "const f32[16, 33, 2, 2]", "const f32[33]"}},
    {"4 x 4, stride 2, padded",
     ConvTranspose{.strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f32[1, 13, 7, 5]", "const f32[13, 7, 4, 4]", "const f32[7]"}},
    {"3 x 3, output padding",
     ConvTranspose{
         .strides = {2, 3}, .pads_begin = {1, 0}, .pads_end = {0, 1}, .output_padding = {1, 2}},
     {"f32[2, 5, 4, 3]", "const f32[5, 6, 3, 3]"}},
    {"kernel below stride",
     ConvTranspose{.strides = {3, 2}, .output_padding = {1, 1}},
     {"f32[1, 5, 4, 3]", "const f32[5, 6, 1, 1]", "const f32[6]"}},
    {"stride 1",
     ConvTranspose{.pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f32[1, 9, 7, 13]", "const f32[9, 8, 3, 3]"}},
    {"dilated",
     ConvTranspose{.strides = {2, 1}, .dilations = {2, 3}},
     {"f32[1, 3, 5, 4]", "const f32[3, 2, 2, 3]"}},
    {"groups",
     ConvTranspose{.strides = {2, 2}, .group = 3},
     {"f32[2, 6, 4, 5]", "const f32[6, 5, 3, 3]", "const f32[15]"}},
    {"output shape",
     ConvTranspose{.strides = {3, 2}, .output_shape = {10, 8}},
     {"f32[1, 1, 3, 3]", "const f32[1, 2, 3, 3]"}},
    {"same upper",
     ConvTranspose{.strides = {2, 2}, .auto_pad = AutoPad::same_upper},
     {"f32[1, 3, 3, 4]", "const f32[3, 2, 3, 3]"}},
    {"same lower",
     ConvTranspose{.strides = {2, 2}, .auto_pad = AutoPad::same_lower},
     {"f32[1, 3, 3, 4]", "const f32[3, 2, 3, 4]"}},
    {"relu",
     ConvTranspose{.strides = {2, 2}, .post = parse_program("x1 = Relu(x0)")},
     {"f32[2, 8, 3, 4]", "const f32[8, 7, 2, 2]", "const f32[7]"}},
    {"swish of a sum",
     ConvTranspose{
         .strides = {2, 2},
         .group = 2,
         .post = parse_program("x3 = Add(x0, x1); x4 = Mul(x3, x2); x5 = Swish(x4, 1.0)")},
     {"f32[2, 8, 3, 4]", "const f32[8, 7, 3, 3]", "const f32[14]", "f32[2, 14, 7, 9]",
      "f32[2, 14, 1, 1]"}},
    {"one dimension", ConvTranspose{.strides = {2}}, {"f32[2, 3, 7]", "const f32[3, 5, 4]"}},
    {"three dimensions",
     ConvTranspose{.strides = {1, 2, 1}},
     {"f32[1, 2, 3, 4, 5]", "const f32[2, 3, 2, 2, 1]", "const f32[3]"}},
    {"large tiles",
     ConvTranspose{.strides = {2, 1}, .pads_begin = {1, 0}, .pads_end = {0, 1}},
     {"f32[2, 4, 6, 8]", "const f32[4, 68, 3, 2]", "const f32[68]"}},
    {"depthwise",
     ConvTranspose{.strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}, .group = 8},
     {"f32[1, 8, 5, 6]", "const f32[8, 1, 4, 4]", "const f32[8]"}},
    {"weights at run time",
     ConvTranspose{.strides = {2, 3}, .dilations = {3, 2}, .group = 2},
     {"f32[2, 4, 3, 4]", "f32[4, 3, 3, 3]"}},
    {"one dimension, channels of whole steps",
     ConvTranspose{.strides = {2}, .pads_begin = {1}, .pads_end = {0}},
     {"f32[2, 32, 9]", "const f32[32, 6, 5]", "const f32[6]"}},
    {"deep",
     ConvTranspose{.strides = {2, 2}},
     {"f16[1, 520, 2, 2]", "const f16[520, 4, 3, 3]", "f16[4]"}},
    {"double", ConvTranspose{}, {"f64[1, 2, 3, 4]", "f64[2, 3, 2, 2]"}},
    {"half", ConvTranspose{}, {"f16[1, 2, 3, 4]", "f16[2, 3, 2, 2]"}},
    {"no image", ConvTranspose{.strides = {2, 2}}, {"f32[0, 2, 3, 4]", "const f32[2, 3, 2, 2]"}},
};

const Rejection rejected[] = {
    {"channels", ConvTranspose{}, {"f32[1, 2, 3, 4]", "f32[3, 3, 2, 2]"}, "input channels"},
    {"group",
     ConvTranspose{.group = 2},
     {"f32[1, 3, 3, 4]", "f32[3, 3, 2, 2]"},
     "x has 3 channels, expected a multiple of group 2"},
    {"output padding",
     ConvTranspose{.output_padding = {1}},
     {"f32[1, 3, 3, 4]", "f32[3, 3, 2, 2]"},
     "output_padding has 1 numbers, expected 2"},
    {"output shape",
     ConvTranspose{.output_shape = {0, 1}},
     {"f32[1, 3, 3, 4]", "f32[3, 3, 2, 2]"},
     "output_shape[0] is 0"},
    {"pads",
     ConvTranspose{.pads_begin = {9, 0}},
     {"f32[1, 3, 3, 4]", "f32[3, 3, 2, 2]"},
     "spatial dimension 0 of y is -5"},
};

TEST(ConvTranspose, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(ConvTranspose, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
