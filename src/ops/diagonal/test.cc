#include "ops/diagonal/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Diagonal;

const OpCase cases[] = {
    {"matrix", Diagonal{}, {"f32[7, 7]"}},
    {"first and last", Diagonal{0, -1}, {"u8[5, 3, 5]"}},
    {"last and first", Diagonal{2, 0}, {"f32[5, 3, 5]"}},
};

const Rejection rejected[] = {
    {"sizes", Diagonal{}, {"f32[3, 4]"}, "diagonal: 3 and 4 differ"},
    {"itself", Diagonal{1, -1}, {"f32[3, 3]"}, "first and second are both 1"},
};

TEST(Diagonal, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Diagonal, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
