#include "ops/batch_norm/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::BatchNorm;

/// Everything is positive, as variances must be.
const OpCase cases[] = {
    {"image",
     BatchNorm{},
     {"f32[2, 13, 7, 9]", "f32[13]", "f32[13]", "f32[13]", "f32[13]"},
     1,
     0.5,
     2},
    {"wide",
     BatchNorm{.epsilon = 1e-3f},
     {"f32[1, 129, 5, 1]", "f32[129]", "f32[129]", "f32[129]", "f32[129]"},
     1,
     0.5,
     2},
    {"matrix",
     BatchNorm{},
     {"f32[7, 127]", "f32[127]", "f32[127]", "f32[127]", "f32[127]"},
     1,
     0.5,
     2},
    {"line", BatchNorm{}, {"f32[2, 3, 127]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"}, 1, 0.5, 2},
    {"one channel", BatchNorm{}, {"f32[7]", "f32[1]", "f32[1]", "f32[1]", "f32[1]"}, 1, 0.5, 2},
    {"double", BatchNorm{}, {"f64[2, 3, 4]", "f64[3]", "f64[3]", "f64[3]", "f64[3]"}, 1, 0.5, 2},
    {"mixed", BatchNorm{}, {"f16[2, 3, 4]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"}, 1, 0.5, 2},
    {"training",
     BatchNorm{.training = true},
     {"f32[2, 3, 4, 5]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"},
     3,
     0.5,
     2},
    {"half, pixels",
     BatchNorm{},
     {"f16[2, 16, 3, 4]", "f16[16]", "f16[16]", "f32[16]", "f32[16]"},
     1,
     0.5,
     2},
    {"training, half",
     BatchNorm{.training = true},
     {"f16[2, 3, 17, 19]", "f16[3]", "f16[3]", "f32[3]", "f32[3]"},
     3,
     0.5,
     2},
    {"no image",
     BatchNorm{},
     {"f32[0, 3, 4, 5]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"},
     1,
     0.5,
     2},
};

const Rejection rejected[] = {
    {"channels",
     BatchNorm{},
     {"f32[2, 3, 4]", "f32[3]", "f32[3]", "f32[4]", "f32[3]"},
     "mean's size and x's channels: 4 and 3 differ"},
    {"rank",
     BatchNorm{},
     {"f32[2, 3, 4]", "f32[3]", "f32[3, 1]", "f32[3]", "f32[3]"},
     "b has rank 2, expected 1"},
    {"type", BatchNorm{}, {"i32[2, 3, 4]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"}, "x is i32"},
    {"outputs",
     BatchNorm{},
     {"f32[2, 3, 4]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"},
     "has 3 outputs, expected 1",
     3},
};

TEST(BatchNorm, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(BatchNorm, RefusesBadNodes) { expect_rejected(rejected); }

TEST(BatchNorm, Normalises) {
  const auto one = [](float v) { return Tensor::from<float>({1}, {v}); };
  const std::vector<Tensor> y =
      run_reference(BatchNorm{.epsilon = 0},
                    {Tensor::from<float>({1, 1, 2}, {1, 5}), one(3), one(10), one(2), one(4)});
  expect_close(y[0], Tensor::from<float>({1, 1, 2}, {8.5f, 14.5f}), 0, 0, "y");
}

}  // namespace
}  // namespace drawbar
