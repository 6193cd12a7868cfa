#include <gtest/gtest.h>

#include "ops/features/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Normalizer;
using ops::RowNorm;

const OpCase cases[] = {
    {"largest", Normalizer{RowNorm::max}, {"f32[13, 7]"}},
    {"absolute", Normalizer{RowNorm::l1}, {"f64[7, 129]"}},
    {"squares", Normalizer{RowNorm::l2}, {"i32[1, 127]"}},
    {"i64", Normalizer{RowNorm::l2}, {"i64[13]"}},
    {"no rows", Normalizer{}, {"f32[0, 7]"}},
    {"no features", Normalizer{}, {"f32[7, 0]"}},
};

const Rejection rejected[] = {
    {"strings", Normalizer{}, {"string[3]"}, "x is string, expected f32, f64, i32 or i64"},
    {"rank", Normalizer{}, {"f32[2, 3, 4]"}, "x has rank 3, expected 1 or 2"},
};

TEST(Normalizer, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Normalizer, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Normalizer, GivesKnownValues) {
  const auto first = [](RowNorm norm, std::initializer_list<float> x) {
    const Tensor row = Tensor::from<float>({1, static_cast<int64_t>(x.size())}, x);
    return run_reference(Normalizer{norm}, {row})[0].data<float>()[0];
  };
  EXPECT_EQ(first(RowNorm::max, {-3, 1, 2}), -1.5f);
  EXPECT_EQ(first(RowNorm::l1, {-3, 1, 2}), -0.5f);
  EXPECT_EQ(first(RowNorm::l2, {-3, 4}), -0.6f);
  EXPECT_EQ(first(RowNorm::max, {-3, 0}), -3);
}

}  // namespace
}  // namespace drawbar
