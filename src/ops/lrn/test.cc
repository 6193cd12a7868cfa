#include "ops/lrn/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Lrn;

const OpCase cases[] = {
    {"three channels", Lrn{.size = 3, .alpha = 0.1f, .bias = 2}, {"f32[2, 13, 7, 5]"}},
    {"usual", Lrn{.size = 5}, {"f32[1, 127, 3, 2]"}},
    {"even size, pixels", Lrn{.size = 4, .beta = 0.5f}, {"f32[1, 7, 3, 3]"}},
    {"even size", Lrn{.size = 4, .beta = 0.5f}, {"f32[1, 7, 9]"}},
    {"more than there are", Lrn{.size = 129}, {"f32[1, 5, 3, 3]"}},
    {"double", Lrn{.size = 5}, {"f64[1, 7, 3, 3]"}},
    {"half", Lrn{.size = 5}, {"f16[1, 7, 3, 3]"}},
    {"bfloat16", Lrn{.size = 3, .alpha = 0.5f, .beta = 0.6f}, {"bf16[2, 8, 5, 3]"}},
    {"empty", Lrn{.size = 5}, {"f32[0, 7, 3, 3]"}},
};

const Rejection rejected[] = {
    {"size", Lrn{.size = 0}, {"f32[1, 2, 3]"}, "size is 0, expected at least 1"},
    {"rank", Lrn{}, {"f32[2]"}, "x has rank 1, expected at least 2"},
    {"type", Lrn{}, {"i32[1, 2, 3]"}, "x is i32, expected a float type"},
};

TEST(Lrn, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Lrn, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
