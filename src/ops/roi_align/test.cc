#include "ops/roi_align/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::MaxRoiPool;
using ops::RoiAlign;

constexpr const char* regions =
    "f32[4, 4] = [0.2, 0.4, 5.3, 6.1, 2, 1, 2.5, 1.5, -3, -2, 30, 9, 7, 7, 3, 3]";
constexpr const char* images = "i64[4] = [0, 1, 1, 0]";

const OpCase cases[] = {
    {"two samples",
     RoiAlign{.output_height = 3, .output_width = 2, .sampling_ratio = 2},
     {"f32[2, 67, 9, 11]", regions, images}},
    {"as many as pixels",
     RoiAlign{.output_height = 2, .output_width = 3},
     {"f32[2, 13, 9, 11]", regions, images}},
    {"at least a pixel",
     RoiAlign{.output_height = 2, .output_width = 2, .sampling_ratio = 3, .half_pixel = false},
     {"f32[2, 129, 9, 11]", regions, images}},
    {"scaled",
     RoiAlign{.output_height = 7, .output_width = 7, .sampling_ratio = 1, .spatial_scale = 0.5f},
     {"f32[2, 16, 4, 5]", regions, images}},
    {"maximum",
     RoiAlign{.output_height = 2, .output_width = 2, .sampling_ratio = 2, .maximum = true},
     {"f32[2, 3, 9, 11]", regions, images}},
    {"half",
     RoiAlign{.sampling_ratio = 2},
     {"f16[1, 3, 5, 5]", "f16[1, 4] = [0.5, 1, 3, 4]", "i64[1] = [0]"}},
    {"no region", RoiAlign{}, {"f32[1, 3, 5, 5]", "f32[0, 4]", "i64[0]"}},
    {"pooled",
     MaxRoiPool{.output_height = 2, .output_width = 3, .spatial_scale = 0.5f},
     {"f32[2, 3, 9, 11]", "f32[3, 5] = [0, 1, 2, 14, 15, 1, 0, 0, 40, 40, 1, 9, 9, 9, 9]"}},
};

const Rejection rejected[] = {
    {"rank", RoiAlign{}, {"f32[1, 3, 5]", "f32[1, 4]", "i64[1]"}, "x has rank 3, expected 4"},
    {"columns", RoiAlign{}, {"f32[1, 3, 5, 5]", "f32[1, 5]", "i64[1]"}, "numbers of a region"},
    {"regions", RoiAlign{}, {"f32[1, 3, 5, 5]", "f32[2, 4]", "i64[1]"}, "rois and batch"},
    {"types", RoiAlign{}, {"f32[1, 3, 5, 5]", "f64[2, 4]", "i64[2]"}, "expected one float type"},
    {"output",
     RoiAlign{.output_height = 0},
     {"f32[1, 3, 5, 5]", "f32[2, 4]", "i64[2]"},
     "output is 0 x 1"},
    {"ratio",
     RoiAlign{.sampling_ratio = -1},
     {"f32[1, 3, 5, 5]", "f32[2, 4]", "i64[2]"},
     "sampling_ratio is -1"},
};

TEST(RoiAlign, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(RoiAlign, RefusesBadNodes) { expect_rejected(rejected); }

TEST(RoiAlign, RefusesImagesThatAreNotThere) {
  const Tensor x = draw("f32[2, 1, 4, 4]", 1), rois = draw("f32[1, 4]", 2);
  for (int64_t image : {-1, 2}) {
    EXPECT_THROW(run_reference(RoiAlign{}, {x, rois, Tensor::from<int64_t>({1}, {image})}), Error);
  }
}

TEST(RoiAlign, RefusesRegionsWithoutEnd) {
  const Tensor x = draw("f32[1, 1, 4, 4]", 1);
  const Tensor rois = Tensor::from<float>({1, 4}, {0, 0, 1e30f, 1});
  EXPECT_THROW(run_reference(RoiAlign{}, {x, rois, Tensor::from<int64_t>({1}, {0})}), Error);
}

}  // namespace
}  // namespace drawbar
