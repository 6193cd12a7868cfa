#include "ops/triangle/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Trilu;

const OpCase cases[] = {
    {"upper", Trilu{}, {"f32[7, 13]"}},
    {"lower", Trilu{false}, {"f32[2, 13, 7]"}},
    {"above", Trilu{true}, {"i64[7, 7]", "i64[] = [2]"}},
    {"below", Trilu{false}, {"f16[7, 7]", "i64[] = [-2]"}},
    {"wide", Trilu{true}, {"f16[2, 5, 24]", "i32[1] = [-1]"}},
    {"all", Trilu{true}, {"u8[3, 3]", "i64[] = [-9223372036854775808]"}},
    {"none", Trilu{true}, {"bool[3, 3]", "i64[] = [9223372036854775807]"}},
    {"empty", Trilu{}, {"f32[3, 0]"}},
};

const Rejection rejected[] = {
    {"rank", Trilu{}, {"f32[3]"}, "x has rank 1, expected at least 2"},
    {"two ks", Trilu{}, {"f32[3, 3]", "i64[2]"}, "k has 2 elements, expected 1"},
};

TEST(Trilu, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Trilu, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
