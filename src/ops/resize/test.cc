#include "ops/resize/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Resize;
using ops::ResizeCoordinates;
using ops::ResizeMode;
using ops::ResizePolicy;
using ops::ResizeRounding;

constexpr auto linear = ResizeMode::linear;
constexpr auto cubic = ResizeMode::cubic;

const OpCase cases[] = {
    {"nearest, twice",
     Resize{.coordinates = ResizeCoordinates::asymmetric, .rounding = ResizeRounding::floor},
     {"f32[2, 13, 7, 5]", "_", "f32[4] = [1, 1, 2, 2]"}},
    {"nearest, odd scales", Resize{}, {"f32[1, 129, 7, 9]", "_", "f32[4] = [1, 1, 1.7, 0.6]"}},
    {"nearest, to sizes",
     Resize{.rounding = ResizeRounding::ceil, .axes = {2, 3}},
     {"f32[1, 3, 13, 7]", "_", "_", "i64[2] = [7, 29]"}},
    {"nearest, channels too", Resize{}, {"f32[2, 3, 4, 5]", "_", "f32[4] = [2, 1.5, 1, 1]"}},
    {"nearest, preferring up",
     Resize{.coordinates = ResizeCoordinates::half_pixel,
            .rounding = ResizeRounding::round_prefer_ceil},
     {"f32[1, 1, 4, 4]", "_", "f32[4] = [1, 1, 0.5, 0.5]"}},
    {"linear", Resize{.mode = linear}, {"f32[2, 33, 7, 5]", "_", "f32[4] = [1, 1, 2, 3]"}},
    {"linear, image",
     Resize{.mode = linear},
     {"f32[1, 3, 31, 47]", "_", "_", "i64[4] = [1, 3, 45, 23]"}},
    {"linear, corners",
     Resize{.mode = linear, .coordinates = ResizeCoordinates::align_corners},
     {"f32[1, 7, 5, 6]", "_", "_", "i64[4] = [1, 7, 13, 1]"}},
    {"linear, as PyTorch",
     Resize{.mode = linear, .coordinates = ResizeCoordinates::pytorch_half_pixel},
     {"f32[1, 7, 5, 6]", "_", "_", "i64[4] = [1, 7, 1, 9]"}},
    {"linear, symmetric",
     Resize{.mode = linear, .coordinates = ResizeCoordinates::half_pixel_symmetric},
     {"f32[1, 7, 5, 6]", "_", "f32[4] = [1, 1, 2.3, 0.7]"}},
    {"linear, antialias",
     Resize{.mode = linear, .antialias = true},
     {"f32[1, 5, 37, 29]", "_", "f32[4] = [1, 1, 0.11, 0.4]"}},
    {"linear, line", Resize{.mode = linear}, {"f32[2, 3, 7]", "_", "f32[3] = [1, 1, 2.5]"}},
    {"linear, volume",
     Resize{.mode = linear, .axes = {4, 2, 3}},
     {"f32[1, 2, 3, 4, 5]", "_", "f32[3] = [2, 1.5, 0.5]"}},
    {"cubic", Resize{.mode = cubic}, {"f32[1, 17, 6, 7]", "_", "f32[4] = [1, 1, 2.5, 0.8]"}},
    {"cubic, antialias without the outside",
     Resize{.mode = cubic, .antialias = true, .exclude_outside = true, .cubic_coeff_a = -0.5f},
     {"f32[1, 3, 16, 17]", "_", "f32[4] = [1, 1, 0.3, 0.6]"}},
    {"crop",
     Resize{.mode = linear,
            .coordinates = ResizeCoordinates::tf_crop_and_resize,
            .extrapolation_value = 9},
     {"f32[1, 3, 5, 6]", "f32[8] = [0, 0, -0.2, 0.3, 1, 1, 0.7, 1.4]", "_",
      "i64[4] = [1, 3, 7, 5]"}},
    {"crop, nearest",
     Resize{.coordinates = ResizeCoordinates::tf_crop_and_resize,
            .extrapolation_value = 9,
            .axes = {2, 3}},
     {"f32[1, 3, 5, 6]", "f32[4] = [-0.2, 0.3, 0.7, 1.4]", "_", "i64[2] = [7, 5]"}},
    {"not larger",
     Resize{.policy = ResizePolicy::not_larger, .axes = {2, 3}},
     {"f32[1, 3, 5, 6]", "_", "_", "const i64[2] = [10, 9]"}},
    {"not smaller",
     Resize{.mode = linear, .policy = ResizePolicy::not_smaller, .axes = {3, 2}},
     {"f32[1, 3, 5, 6]", "_", "_", "const i64[2] = [10, 9]"}},
    {"bytes",
     Resize{.mode = linear},
     {"u8[1, 3, 5, 6]", "_", "f32[4] = [1, 1, 1.5, 2]"},
     1,
     0,
     255},
    {"half", Resize{.mode = linear}, {"f16[1, 3, 5, 6]", "_", "f32[4] = [1, 1, 1.5, 2]"}},
    {"linear, halves of vectors",
     Resize{.mode = linear},
     {"f16[2, 16, 5, 6]", "_", "f32[4] = [1, 1, 2, 2]"}},
    {"nearest, bfloats", Resize{}, {"bf16[2, 8, 5, 6]", "_", "f32[4] = [1, 1, 2, 2]"}},
    {"signed bytes",
     Resize{.mode = cubic},
     {"i8[1, 2, 5, 6]", "_", "f32[4] = [1, 1, 2, 2]"},
     1,
     -128,
     127},
    {"flags", Resize{}, {"bool[1, 1, 5, 6]", "_", "f32[4] = [1, 1, 1.5, 2]"}, 1, 0, 1},
    {"double", Resize{.mode = cubic}, {"f64[3, 5]", "_", "f32[2] = [1.5, 2]"}},
    {"to nothing", Resize{}, {"f32[1, 3, 5, 6]", "_", "f32[4] = [1, 1, 0.1, 1]"}},
    {"no image", Resize{.mode = linear}, {"f32[0, 3, 5, 6]", "_", "f32[4] = [1, 1, 2, 2]"}},
};

const Rejection rejected[] = {
    {"neither", Resize{}, {"f32[1, 2]"}, "has no scales and sizes, expected one of them"},
    {"both", Resize{}, {"f32[1, 2]", "_", "f32[2]", "i64[2]"}, "has both scales and sizes"},
    {"lengths", Resize{}, {"f32[1, 2]", "_", "const f32[3] = [1, 1, 1]"}, "scales"},
    {"scale 0", Resize{}, {"f32[1, 2]", "_", "const f32[2] = [0, 1]"}, "scale is 0"},
    {"huge scale", Resize{}, {"f32[1, 2]", "_", "const f32[2] = [1e20, 1]"}, "scale is"},
    {"negative size",
     Resize{},
     {"f32[1, 2]", "_", "_", "const i64[2] = [-1, 1]"},
     "sizes[0] is -1"},
    {"out of nothing",
     Resize{},
     {"f32[0, 2]", "_", "_", "const i64[2] = [1, 1]"},
     "cannot become 1"},
    {"axis", Resize{.axes = {2}}, {"f32[1, 2]", "_", "const f32[1] = [1]"}, "axis is 2"},
    {"axis twice",
     Resize{.axes = {1, -1}},
     {"f32[1, 2]", "_", "const f32[2] = [1, 1]"},
     "names 1 twice"},
    {"roi",
     Resize{.coordinates = ResizeCoordinates::tf_crop_and_resize},
     {"f32[1, 2]", "_", "const f32[2] = [1, 1]"},
     "roi is missing"},
    {"text", Resize{.mode = linear}, {"bool[1, 2]", "_", "const f32[2] = [1, 1]"}, "x is bool"},
};

TEST(Resize, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Resize, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Resize, RoundsSizesAsWritten) {
  const Tensor x = Tensor::from<float>({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  for (const auto& [scale, size] : {std::pair{0.7f, 7}, {1.1f, 11}, {0.55f, 5}, {2.5f, 25}}) {
    const Tensor y = run_reference(Resize{}, {x, Tensor(), Tensor::from<float>({1}, {scale})})[0];
    EXPECT_EQ(y.dim(0), size) << scale;
  }
}

}  // namespace
}  // namespace drawbar
