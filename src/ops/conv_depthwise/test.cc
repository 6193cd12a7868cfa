#include <gtest/gtest.h>

#include "ops/conv_depthwise/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Conv;
using ops::ConvDepthwise;
using ops::parse_program;

const Conv depthwise_3x3{.pads_begin = {1, 1}, .pads_end = {1, 1}, .group = 13};

const OpCase cases[] = {
    {"pointwise first",
     ConvDepthwise{Conv{}, depthwise_3x3},
     {"f32[1, 7, 9, 17]", "const f32[13, 7, 1, 1]", "const f32[13]", "const f32[13, 1, 3, 3]",
      "const f32[13]"}},
    {"no biases, two images",
     ConvDepthwise{Conv{}, depthwise_3x3},
     {"f32[2, 7, 9, 17]", "const f32[13, 7, 1, 1]", "_", "const f32[13, 1, 3, 3]"}},
    {"activations",
     ConvDepthwise{Conv{.post = parse_program("x1 = Swish(x0, 1.0)")},
                   Conv{.strides = {2, 2},
                        .pads_begin = {0, 0},
                        .pads_end = {1, 1},
                        .group = 33,
                        .post = parse_program("x1 = Clip(x0, -0.5, 0.5)")}},
     {"f32[2, 5, 14, 18]", "const f32[33, 5, 1, 1]", "const f32[33]", "const f32[33, 1, 5, 5]",
      "const f32[33]"}},
    {"stem first",
     ConvDepthwise{Conv{.strides = {2, 2},
                        .pads_begin = {1, 1},
                        .pads_end = {1, 1},
                        .post = parse_program("x1 = Relu(x0)")},
                   Conv{.pads_begin = {1, 1},
                        .pads_end = {1, 1},
                        .group = 8,
                        .post = parse_program("x1 = Mish(x0)")}},
     {"f32[2, 3, 13, 37]", "const f32[8, 3, 3, 3]", "const f32[8]", "const f32[8, 1, 3, 3]"}},
    // A line is more than a strip may have, so that every line is a strip.
    {"lines in strips",
     ConvDepthwise{Conv{.post = parse_program("x1 = Relu(x0)")},
                   Conv{.pads_begin = {1, 1}, .pads_end = {1, 1}, .group = 131}},
     {"f32[2, 3, 7, 129]", "const f32[131, 3, 1, 1]", "_", "const f32[131, 1, 3, 3]"}},
    {"lines in strips, dilated",
     ConvDepthwise{Conv{.pads_begin = {1, 1}, .pads_end = {1, 1}}, Conv{.strides = {2, 1},
                                                                        .dilations = {2, 1},
                                                                        .pads_begin = {2, 0},
                                                                        .pads_end = {4, 0},
                                                                        .group = 131}},
     {"f32[2, 1, 9, 129]", "const f32[131, 1, 3, 3]", "_", "const f32[131, 1, 3, 3]"}},
    {"stride beyond the kernel",
     ConvDepthwise{Conv{}, Conv{.strides = {4, 4}, .group = 131}},
     {"f32[1, 3, 13, 129]", "const f32[131, 3, 1, 1]", "_", "const f32[131, 1, 2, 2]"}},
    {"first convolution of groups",
     ConvDepthwise{Conv{.group = 3}, Conv{.group = 6}},
     {"f32[1, 9, 5, 19]", "const f32[6, 3, 1, 1]", "_", "const f32[6, 1, 2, 2]"}},
    {"narrow",
     ConvDepthwise{Conv{}, depthwise_3x3},
     {"f32[1, 7, 5, 3]", "const f32[13, 7, 1, 1]", "_", "const f32[13, 1, 3, 3]"}},
    {"weights known while running",
     ConvDepthwise{Conv{}, depthwise_3x3},
     {"f32[1, 7, 9, 17]", "f32[13, 7, 1, 1]", "_", "f32[13, 1, 3, 3]"}},
    {"one dimension",
     ConvDepthwise{Conv{}, Conv{.group = 6}},
     {"f32[2, 3, 19]", "const f32[6, 3, 2]", "_", "const f32[6, 1, 3]"}},
    {"projection",
     ConvDepthwise{Conv{.post = parse_program("x1 = Clip(x0, 0.0, 6.0)")}, depthwise_3x3, true},
     {"f32[2, 7, 9, 17]", "const f32[13, 7, 1, 1]", "const f32[13]", "const f32[13, 1, 3, 3]",
      "const f32[13]", "const f32[5, 13, 1, 1]", "const f32[5]"}},
    {"projection of strides, with a residual",
     ConvDepthwise{Conv{},
                   Conv{.strides = {2, 2},
                        .pads_begin = {1, 1},
                        .pads_end = {1, 1},
                        .group = 131,
                        .post = parse_program("x1 = Relu(x0)")},
                   true, Conv{.post = parse_program("x2 = Add(x0, x1)")}},
     {"f32[2, 3, 14, 129]", "const f32[131, 3, 1, 1]", "_", "const f32[131, 1, 3, 3]", "_",
      "const f32[24, 131, 1, 1]", "_", "f32[2, 24, 7, 65]"}},
    {"projection with a program of factors",
     ConvDepthwise{Conv{}, depthwise_3x3, true,
                   Conv{.post = parse_program("x3 = Mul(x0, x1); x4 = Swish(x3, 1.0); x5 = "
                                              "Add(x4, x2)")}},
     {"f32[2, 7, 9, 17]", "const f32[13, 7, 1, 1]", "_", "const f32[13, 1, 3, 3]", "_",
      "const f32[33, 13, 1, 1]", "const f32[33]", "f32[33, 1, 1]", "f32[2, 33, 9, 17]"}},
    {"projection that is none",
     ConvDepthwise{Conv{}, depthwise_3x3, true,
                   Conv{.strides = {2, 1}, .pads_begin = {1, 1}, .pads_end = {1, 1}}},
     {"f32[1, 7, 9, 17]", "const f32[13, 7, 1, 1]", "_", "const f32[13, 1, 3, 3]", "_",
      "const f32[5, 13, 3, 3]"}},
    {"projection, weights known while running",
     ConvDepthwise{Conv{}, depthwise_3x3, true},
     {"f32[1, 7, 9, 17]", "const f32[13, 7, 1, 1]", "_", "const f32[13, 1, 3, 3]", "_",
      "f32[5, 13, 1, 1]"}},
    {"half",
     ConvDepthwise{Conv{}, Conv{.group = 2}},
     {"f16[1, 3, 5, 5]", "f16[2, 3, 2, 2]", "_", "f16[2, 1, 2, 2]"}},
};

const Rejection rejected[] = {
    {"not depthwise",
     ConvDepthwise{Conv{}, Conv{.group = 2}},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_", "f32[4, 2, 3, 3]"},
     "groups and channels"},
    {"the first one's channels",
     ConvDepthwise{Conv{}, Conv{.group = 4}},
     {"f32[1, 3, 5, 5]", "f32[4, 2, 1, 1]", "_", "f32[4, 1, 3, 3]"},
     "w has 2 input channels"},
    {"window too large",
     ConvDepthwise{Conv{}, Conv{.group = 4}},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_", "f32[4, 1, 6, 1]"},
     "the window covers 6"},
    {"a residual",
     ConvDepthwise{Conv{}, Conv{.group = 4, .post = parse_program("x2 = Add(x0, x1)")}},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_", "f32[4, 1, 1, 1]"},
     "programs of 1 and 2 inputs"},
    {"projection of other channels",
     ConvDepthwise{Conv{}, Conv{.group = 4}, true},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_", "f32[4, 1, 1, 1]", "_", "f32[2, 3, 1, 1]"},
     "w has 3 input channels"},
    {"no projection weights",
     ConvDepthwise{Conv{}, Conv{.group = 4}, true},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_", "f32[4, 1, 1, 1]"},
     "input 5 is missing"},
    {"no depthwise weights",
     ConvDepthwise{Conv{}, Conv{.group = 4}},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 1, 1]", "_"},
     "input 3 is missing"},
};

TEST(ConvDepthwise, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(ConvDepthwise, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
