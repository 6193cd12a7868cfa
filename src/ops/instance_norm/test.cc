#include "ops/instance_norm/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::GroupNorm;

const OpCase cases[] = {
    {"instance", GroupNorm{}, {"f32[2, 7, 13, 5]", "f32[7]", "f32[7]"}},
    {"instance, one dimension", GroupNorm{}, {"f32[2, 7, 129]", "f32[7]", "f32[7]"}},
    {"groups", GroupNorm{.groups = 4}, {"f32[2, 64, 7, 9]", "f32[64]", "f32[64]"}},
    {"odd groups", GroupNorm{.groups = 3}, {"f32[1, 33, 5, 3]", "f32[33]", "f32[33]"}},
    {"parameters per group", GroupNorm{.groups = 2}, {"f32[3, 8, 5, 3]", "f32[2]", "f32[2]"}},
    {"one group",
     GroupNorm{.groups = 1, .epsilon = 0.01f},
     {"f32[2, 17, 3]", "f32[17]", "f32[17]"}},
    {"no spatial dimension", GroupNorm{.groups = 2}, {"f32[3, 16]", "f32[16]", "f32[16]"}},
    {"large offset",
     GroupNorm{},
     {"f32[1, 3, 31, 33]", "f32[3]", "f32[3]"},
     1,
     99,
     101,
     1e-3,
     1e-2},
    {"empty", GroupNorm{}, {"f32[0, 3, 4]", "f32[3]", "f32[3]"}},
    {"half, vectors", GroupNorm{.groups = 2}, {"f16[2, 32, 5, 8]", "f16[32]", "f16[32]"}},
    {"bfloat16, wide parameters", GroupNorm{}, {"bf16[2, 3, 8, 8]", "f32[3]", "f32[3]"}},
    {"long groups", GroupNorm{.groups = 2}, {"f32[1, 6, 101, 60]", "f32[6]", "f32[6]"}},
    {"longer than a block holds", GroupNorm{}, {"f16[1, 1, 129, 130]", "f16[1]", "f16[1]"}},
    {"half", GroupNorm{.groups = 2}, {"f16[2, 4, 5]", "f16[4]", "f16[4]"}},
};

const Rejection rejected[] = {
    {"groups do not divide",
     GroupNorm{.groups = 3},
     {"f32[2, 8, 5]", "f32[8]", "f32[8]"},
     "x has 8 channels, which 3 groups do not divide"},
    {"negative groups",
     GroupNorm{.groups = -1},
     {"f32[2, 8, 5]", "f32[8]", "f32[8]"},
     "groups is -1, expected at least 0"},
    {"scale",
     GroupNorm{},
     {"f32[2, 8, 5]", "f32[7]", "f32[8]"},
     "scale has 7 elements, expected one per channel (8)"},
    {"rank", GroupNorm{}, {"f32[8]", "f32[8]", "f32[8]"}, "x has rank 1, expected at least 2"},
};

TEST(GroupNorm, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(GroupNorm, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
