#include "ops/identity/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Identity;

const OpCase cases[] = {
    {"floats", Identity{}, {"f32[7, 13]"}},
    {"contents", Identity{}, {"i64[2] = [3, 4]"}},
    {"nothing", Identity{}, {"bool[0]"}},
};

const Rejection rejected[] = {
    {"two inputs", Identity{}, {"f32[1]", "f32[1]"}, "has 2 inputs, expected 1"},
};

TEST(Identity, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Identity, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
