#include "ops/sequence_order/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ReverseSequence;

const OpCase cases[] = {
    {"time first", ReverseSequence{}, {"f32[7, 3, 5]", "i64[3] = [7, 0, 4]"}},
    {"batch first", ReverseSequence{0, 1}, {"u8[3, 13]", "i64[3] = [1, 13, 2]"}},
};

const Rejection rejected[] = {
    {"axes", ReverseSequence{1, 1}, {"f32[2, 2]", "i64[2]"}, "expected 0 and 1 or 1 and 0"},
    {"rank", ReverseSequence{}, {"f32[2]", "i64[2]"}, "x has rank 1, expected at least 2"},
    {"lengths", ReverseSequence{}, {"f32[2, 3]", "i64[2]"}, "batch and lengths: 3 and 2 differ"},
};

TEST(ReverseSequence, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(ReverseSequence, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
