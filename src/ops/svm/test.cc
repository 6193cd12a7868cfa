#include <cmath>
#include <gtest/gtest.h>

#include "ops/svm/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

const OpCase cases[] = {
    {"rbf", RbfKernels{0.5f}, {"f32[13, 8]", "const f32[127, 8]"}},
    {"many features", RbfKernels{0.1f}, {"f32[1, 129]", "const f32[7, 129]"}},
    {"one feature", RbfKernels{2}, {"f32[7, 1]", "const f32[1, 1]"}},
    {"no rows", RbfKernels{}, {"f32[0, 3]", "const f32[2, 3]"}},
    {"no features", RbfKernels{1}, {"f32[2, 0]", "const f32[3, 0]"}},
    {"vectors that are no constant", RbfKernels{0.3f}, {"f32[3, 7]", "f32[33, 7]"}},
    {"two classes", SvmVotes{{2, 3}}, {"f32[7, 5]", "const f32[1, 5]", "f32[1] = [0.1]"}, 2},
    {"two classes, transformed",
     SvmVotes{{2, 3}, ScoreTransform::logistic},
     {"f32[7, 5]", "const f32[1, 5]", "f32[1] = [0.1]"},
     2},
    {"three classes",
     SvmVotes{{2, 1, 4}},
     {"f32[13, 7]", "const f32[2, 7]", "f32[3] = [0.1, -0.2, 0.3]"},
     2},
    {"probabilities",
     SvmVotes{{2, 1, 4}},
     {"f32[129, 7]", "const f32[2, 7]", "f32[3] = [0.1, -0.2, 0.3]", "f32[3] = [-1.0, -2.0, -1.5]",
      "f32[3] = [0.0, 0.1, 0.2]"},
     2},
};

const std::string kernels = "f32[2, 5]", weights = "const f32[1, 5]", rho = "f32[1] = [0.1]";

const Rejection rejected[] = {
    {"features", RbfKernels{}, {"f32[2, 3]", "const f32[4, 5]"}, "features"},
    {"integers", RbfKernels{}, {"i32[2, 3]", "const f32[4, 3]"}, "x is i32, expected f32"},
    {"one class", SvmVotes{{5}}, {kernels, weights, rho}, "expected at least 2", 2},
    {"below 0", SvmVotes{{-1, 6}}, {kernels, weights, rho}, "vectors_per_class[0] is -1", 2},
    {"too many", SvmVotes{{INT64_MAX, INT64_MAX}}, {kernels, weights, rho}, "overflows", 2},
    {"vectors", SvmVotes{{2, 4}}, {kernels, weights, rho}, "kernels and support vectors", 2},
    {"coefficients",
     SvmVotes{{2, 3}},
     {kernels, "const f32[2, 5]", rho},
     "rows of coefficients",
     2},
    {"rho", SvmVotes{{2, 3}}, {kernels, weights, "f32[2] = [0.1, 0.2]"}, "rho", 2},
    {"one of two", SvmVotes{{2, 3}}, {kernels, weights, rho, rho}, "expected both or none", 2},
};

TEST(Svm, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Svm, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Svm, GivesKnownKernels) {
  const Tensor x = Tensor::from<float>({1, 2}, {1, 2}), v = Tensor::from<float>({1, 2}, {3, 5});
  EXPECT_NEAR(run_reference(RbfKernels{0.1f}, {x, v})[0].data<float>()[0], std::exp(-1.3), 1e-6);
}

TEST(Svm, TheClassThatWinsMostPairsIsGiven) {
  // Three classes of one vector each: the decisions are rho's.
  const Tensor none = Tensor::from<float>({1, 3}, {0, 0, 0});
  const Tensor weights_of_3 = Tensor::from<float>({2, 3}, {0, 0, 0, 0, 0, 0});
  const Tensor decisions = Tensor::from<float>({3}, {-1, 2, 3});
  const auto plain = run_reference(SvmVotes{{1, 1, 1}}, {none, weights_of_3, decisions}, 2);
  EXPECT_EQ(plain[1].data<int64_t>()[0], 1);
  EXPECT_EQ(plain[0].data<float>()[2], 3);
  const Tensor slope = Tensor::from<float>({3}, {-1, -1, -1}),
               zero = Tensor::from<float>({3}, {0, 0, 0});
  const auto likely =
      run_reference(SvmVotes{{1, 1, 1}}, {none, weights_of_3, decisions, slope, zero}, 2);
  const float* p = likely[0].data<float>();
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-6);
  EXPECT_GT(p[1], p[0]);
  EXPECT_GT(p[0], p[2]);
}

}  // namespace
}  // namespace drawbar
