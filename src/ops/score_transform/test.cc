#include <cmath>
#include <gtest/gtest.h>

#include "ops/score_transform/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ScoreTransform;
using ops::TransformScores;

const OpCase cases[] = {
    {"softmax", TransformScores{ScoreTransform::softmax}, {"f32[13, 7]"}},
    {"logistic", TransformScores{ScoreTransform::logistic}, {"f64[129, 3]"}},
    {"softmax of those that are not zero",
     TransformScores{ScoreTransform::softmax_zero},
     {"f16[1, 127]"}},
    {"probit", TransformScores{ScoreTransform::probit}, {"bf16[7]"}, 1, 0.1, 0.9},
    {"none", TransformScores{}, {"f32[2, 3, 4]"}},
    {"no rows", TransformScores{ScoreTransform::softmax}, {"f32[0, 7]"}},
    {"no scores", TransformScores{ScoreTransform::softmax}, {"f32[7, 0]"}},
};

const Rejection rejected[] = {
    {"integers", TransformScores{}, {"i64[3]"}, "x is i64, expected f32, f64, f16 or bf16"},
    {"a number", TransformScores{}, {"f32[]"}, "x has rank 0, expected at least 1"},
};

TEST(TransformScores, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(TransformScores, RefusesBadNodes) { expect_rejected(rejected); }

std::vector<double> transformed(ScoreTransform transform, std::vector<double> scores) {
  transform_scores(transform, scores);
  return scores;
}

TEST(TransformScores, GivesKnownValues) {
  const double e = std::exp(1.0);
  EXPECT_NEAR(transformed(ScoreTransform::softmax, {1, 2})[1], e / (1 + e), 1e-12);
  EXPECT_NEAR(transformed(ScoreTransform::logistic, {-1})[0], 1 / (1 + e), 1e-12);
  const auto zeros = transformed(ScoreTransform::softmax_zero, {0, 1, 2});
  EXPECT_EQ(zeros[0], 0);
  EXPECT_NEAR(zeros[2], e / (1 + e), 1e-12);
  EXPECT_EQ(transformed(ScoreTransform::softmax_zero, {0, 0}), (std::vector<double>{0, 0}));
  EXPECT_NEAR(transformed(ScoreTransform::probit, {0.975})[0], 1.96, 3e-3);
  EXPECT_NEAR(transformed(ScoreTransform::probit, {0.25})[0], -0.6745, 3e-3);
}

}  // namespace
}  // namespace drawbar
