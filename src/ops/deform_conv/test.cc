#include "ops/deform_conv/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::DeformConv;

const OpCase cases[] = {
    {"plain", DeformConv{}, {"f32[1, 3, 5, 6]", "f32[4, 3, 2, 3]", "f32[1, 12, 4, 4]"}},
    {"everything",
     DeformConv{.strides = {2, 1},
                .dilations = {1, 2},
                .pads_begin = {1, 0},
                .pads_end = {0, 1},
                .group = 2,
                .offset_group = 3},
     {"f32[2, 6, 5, 7]", "f32[4, 3, 2, 2]", "f32[2, 24, 3, 6]", "f32[4]", "f32[2, 12, 3, 6]"},
     1,
     -2,
     2},
    {"double", DeformConv{}, {"f64[1, 1, 3, 3]", "f64[1, 1, 2, 2]", "f64[1, 8, 2, 2]"}},
    {"half", DeformConv{}, {"f16[1, 1, 3, 3]", "f16[1, 1, 2, 2]", "f16[1, 8, 2, 2]"}},
};

const Rejection rejected[] = {
    {"offset",
     DeformConv{},
     {"f32[1, 3, 5, 6]", "f32[4, 3, 2, 3]", "f32[1, 11, 4, 4]"},
     "channels of offset"},
    {"size",
     DeformConv{},
     {"f32[1, 3, 5, 6]", "f32[4, 3, 2, 3]", "f32[1, 12, 4, 5]"},
     "dimension 3 of offset and y"},
    {"group",
     DeformConv{.offset_group = 2},
     {"f32[1, 3, 5, 6]", "f32[4, 3, 2, 3]", "f32[1, 24, 4, 4]"},
     "offset_group is 2"},
    {"line",
     DeformConv{},
     {"f32[1, 3, 5]", "f32[4, 3, 2]", "f32[1, 4, 4]"},
     "1 spatial dimensions"},
};

TEST(DeformConv, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(DeformConv, RefusesBadNodes) { expect_rejected(rejected); }

TEST(DeformConv, WithoutOffsetsIsAConvolution) {
  const Tensor x = Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor w = Tensor::from<float>({1, 1, 1, 2}, {10, 1});
  const Tensor offset = Tensor::from<float>({1, 4, 2, 1}, {0, 0, 0, 0, 0, 0, 0, 0});
  const Tensor y = run_reference(DeformConv{}, {x, w, offset})[0];
  expect_close(y, Tensor::from<float>({1, 1, 2, 1}, {12, 34}), 0, 0, "y");
}

}  // namespace
}  // namespace drawbar
