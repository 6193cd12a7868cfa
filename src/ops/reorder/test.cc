#include "ops/reorder/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Reorder;

const OpCase cases[] = {
    {"as it is", Reorder{}, {"f32[2, 3, 7, 5]"}},
    {"bytes", Reorder{}, {"u8[2, 3, 7, 5]"}},
};

const Rejection rejected[] = {
    {"rank", Reorder{Layout::channels_last}, {"f32[3, 3]"}, "x has rank 2, expected at least 3"},
};

TEST(Reorder, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Reorder, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
