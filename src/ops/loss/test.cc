#include <cmath>

#include "ops/loss/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::LossReduction;
using ops::NegativeLogLikelihood;

constexpr auto none = LossReduction::none, sum = LossReduction::sum, mean = LossReduction::mean;

const OpCase cases[] = {
    {"each", NegativeLogLikelihood{none}, {"f32[3, 7]", "i64[3] = [6, 0, 3]"}},
    {"one class", NegativeLogLikelihood{none}, {"f32[2, 1]", "i32[2] = [0, 0]"}},
    {"weights", NegativeLogLikelihood{sum}, {"f32[3, 13]", "i32[3] = [12, 0, 3]", "f32[13]"}},
    {"ignored",
     NegativeLogLikelihood{none, true, -100},
     {"f32[2, 5, 2]", "i64[2, 2] = [-100, 4, 0, -100]"}},
    {"ignored class",
     NegativeLogLikelihood{mean, true, 1},
     {"f64[3, 4]", "i64[3] = [1, 0, 3]", "f64[4]"}},
    {"many dimensions",
     NegativeLogLikelihood{mean},
     {"f16[2, 3, 1, 2, 1]", "i64[2, 1, 2, 1] = [2, 1, 0, 0]"}},
    {"bfloat", NegativeLogLikelihood{sum}, {"bf16[1, 129]", "i64[1] = [128]", "bf16[129]"}},
    {"no samples", NegativeLogLikelihood{none}, {"f32[0, 7]", "i64[0] = []"}},
    {"mean of nothing", NegativeLogLikelihood{mean}, {"f32[7, 3, 0]", "i64[7, 0] = []"}},
};

const Rejection rejected[] = {
    {"integers", NegativeLogLikelihood{}, {"i64[3, 3]", "i64[3]"}, "x is i64, expected a float"},
    {"float targets",
     NegativeLogLikelihood{},
     {"f32[3, 3]", "f32[3]"},
     "targets are f32, expected i64 or i32"},
    {"one dimension", NegativeLogLikelihood{}, {"f32[3]", "i64[]"}, "x has rank 1, expected"},
    {"rank", NegativeLogLikelihood{}, {"f32[3, 3]", "i64[3, 3]"}, "target has rank 2, expected 1"},
    {"samples", NegativeLogLikelihood{}, {"f32[3, 3]", "i64[4]"}, "dimension 0 of target"},
    {"weights", NegativeLogLikelihood{}, {"f32[3, 3]", "i64[3]", "f32[4]"}, "elements of weight"},
    {"weight type",
     NegativeLogLikelihood{},
     {"f32[3, 3]", "i64[3]", "f64[3]"},
     "weight is f64, but x is f32"},
    {"weight rank",
     NegativeLogLikelihood{},
     {"f32[3, 3]", "i64[3]", "f32[3, 1]"},
     "weight has rank 2, expected 1"},
};

TEST(NegativeLogLikelihood, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(NegativeLogLikelihood, RefusesBadNodes) { expect_rejected(rejected); }

const Tensor& scores() {
  static const Tensor x = Tensor::from<float>({2, 3}, {-1, -2, -3, -4, -5, -6});
  return x;
}

TEST(NegativeLogLikelihood, MeanIsWeighted) {
  const Tensor target = Tensor::from<int64_t>({2}, {int64_t{2}, int64_t{0}});
  const Tensor weight = Tensor::from<float>({3}, {1, 7, 3});
  const Tensor y = run_reference(NegativeLogLikelihood{mean}, {scores(), target, weight})[0];
  EXPECT_TRUE(y.identical(Tensor::scalar<float>((3 * 3 + 1 * 4) / 4.f)));
}

TEST(NegativeLogLikelihood, WhatIsIgnoredCountsForNothing) {
  const Tensor target = Tensor::from<int64_t>({2}, {int64_t{9}, int64_t{1}});
  const Tensor y = run_reference(NegativeLogLikelihood{mean, true, 9}, {scores(), target})[0];
  EXPECT_TRUE(y.identical(Tensor::scalar(5.f)));
  const Tensor all = Tensor::from<int64_t>({2}, {int64_t{9}, int64_t{9}});
  EXPECT_TRUE(std::isnan(
      run_reference(NegativeLogLikelihood{mean, true, 9}, {scores(), all})[0].data<float>()[0]));
}

TEST(NegativeLogLikelihood, RefusesTargetsThatAreNoClass) {
  for (int64_t wanted : {int64_t{3}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    try {
      const Tensor target = Tensor::from<int64_t>({2}, {int64_t{0}, wanted});
      run_reference(NegativeLogLikelihood{mean, true, 9}, {scores(), target});
      ADD_FAILURE() << wanted;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_EQ(error.message(),
                fmt::format("target 1 is {}, expected a class below 3 or 9", wanted));
    }
  }
}

}  // namespace
}  // namespace drawbar
