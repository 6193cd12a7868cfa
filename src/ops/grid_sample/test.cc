#include "ops/grid_sample/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::AffineGrid;
using ops::GridSample;
using ops::SampleMode;
using ops::SamplePadding;

const OpCase cases[] = {
    {"linear", GridSample{}, {"f32[2, 7, 5, 6]", "f32[2, 3, 13, 2]"}, 1, -1.3, 1.3},
    {"cubic, border",
     GridSample{SampleMode::cubic, SamplePadding::border, true},
     {"f32[1, 3, 5, 6]", "f32[1, 3, 7, 2]"},
     1,
     -1.3,
     1.3},
    {"nearest, reflection",
     GridSample{SampleMode::nearest, SamplePadding::reflection},
     {"f32[1, 3, 5, 6]", "f32[1, 3, 7, 2]"},
     1,
     -5,
     5},
    {"volume",
     GridSample{SampleMode::linear, SamplePadding::reflection, true},
     {"f64[1, 2, 3, 4, 5]", "f64[1, 2, 2, 3, 3]"},
     1,
     -2,
     2},
    {"line", GridSample{}, {"f32[2, 3, 7]", "f32[2, 5, 1]"}, 1, -1.3, 1.3},
    {"cubic, zeros",
     GridSample{SampleMode::cubic},
     {"f32[2, 3, 5, 6]", "f32[2, 3, 7, 2]"},
     1,
     -1.5,
     1.5},
    {"cubic, reflection",
     GridSample{SampleMode::cubic, SamplePadding::reflection},
     {"bf16[1, 9, 5, 6]", "f32[1, 3, 7, 2]"},
     1,
     -3,
     3},
    {"half", GridSample{}, {"f16[1, 2, 3, 4]", "f16[1, 2, 2, 2]"}},
    {"no sample", GridSample{}, {"f32[1, 2, 3, 4]", "f32[1, 0, 2, 2]"}},
    {"grid", AffineGrid{}, {"f32[2, 2, 3]", "const i64[4] = [2, 3, 5, 7]"}},
    {"grid of a volume, corners", AffineGrid{true}, {"f32[1, 3, 4]", "i64[5] = [1, 3, 2, 1, 4]"}},
};

const Rejection rejected[] = {
    {"rank", GridSample{}, {"f32[1, 2]", "f32[1, 1]"}, "x has rank 2, expected 3 to 5"},
    {"position", GridSample{}, {"f32[1, 2, 3, 4]", "f32[1, 2, 2, 3]"}, "numbers of a position"},
    {"images", GridSample{}, {"f32[1, 2, 3, 4]", "f32[2, 2, 2, 2]"}, "images of x and grid"},
    {"theta", AffineGrid{}, {"f32[1, 2, 4]", "i64[4]"}, "theta's columns"},
    {"size", AffineGrid{}, {"f32[1, 2, 3]", "const i64[3] = [1, 2, 3]"}, "size has 3 numbers"},
    {"negative", AffineGrid{}, {"f32[1, 2, 3]", "const i64[4] = [1, 2, -3, 1]"}, "size[2] is -3"},
};

TEST(GridSample, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(GridSample, RefusesBadNodes) { expect_rejected(rejected); }

TEST(GridSample, ReadsZeroAtPositionsThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor grid = Tensor::from<float>({1, 1, 2, 2}, {nan, 0, 1e30f, -1e30f});
  const Tensor x = Tensor::from<float>({1, 1, 1, 1}, {3});
  const Tensor y = run_reference(GridSample{}, {x, grid})[0];
  expect_close(y, Tensor::from<float>({1, 1, 1, 2}, {0, 0}), 0, 0, "y");
}

}  // namespace
}  // namespace drawbar
