#include "ops/det/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Det;

const OpCase cases[] = {
    {"stack", Det{}, {"f32[2, 3, 7, 7]"}},
    {"double", Det{}, {"f64[13, 13]"}},
    {"empty matrix", Det{}, {"f32[3, 0, 0]"}},
};

const Rejection rejected[] = {
    {"not square", Det{}, {"f32[2, 3]"}, "rows and columns of x: 2 and 3 differ"},
    {"vector", Det{}, {"f32[2]"}, "x has rank 1, expected at least 2"},
    {"integers", Det{}, {"i64[2, 2]"}, "x is i64, expected a float type"},
};

TEST(Det, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Det, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Det, NeedsPivots) {
  const Tensor x = Tensor::from<float>({3, 3}, {0, 2, 1, 1, 0, 3, 2, 1, 0});
  EXPECT_NEAR(run_reference(Det{}, {x})[0].data<float>()[0], 13.0, 1e-5);
}

}  // namespace
}  // namespace drawbar
