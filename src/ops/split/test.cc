#include "ops/split/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Split;

const OpCase cases[] = {
    {"equal", Split{1}, {"f32[2, 12, 7, 5]"}, 3},
    {"uneven", Split{0}, {"f32[7, 3]"}, 3},
    {"more pieces than elements", Split{0}, {"f32[2, 3]"}, 4},
    {"sizes", Split{1, {1, 0, 12}}, {"f32[2, 13, 7, 5]"}, 3},
    {"sizes by input", Split{-1}, {"f64[3, 7]", "i64[2] = [3, 4]"}, 2},
    {"one", Split{0}, {"u8[129]"}, 1},
    {"contents", Split{0}, {"i64[4] = [1, 2, 3, 4]"}, 2},
    {"packed", Split{1}, {"i4[3, 4]"}, 2},
};

const Rejection rejected[] = {
    {"sum", Split{0, {1, 2}}, {"f32[4]"}, "the sizes add up to 3, the dimension is 4", 2},
    {"count", Split{0, {1, 3}}, {"f32[4]"}, "has 2 sizes for 3 outputs", 3},
    {"negative", Split{0, {-1, 5}}, {"f32[4]"}, "a size is -1, expected at least 0", 2},
    {"axis", Split{1}, {"f32[4]"}, "axis is 1, expected -1 to 0", 2},
    {"float sizes", Split{0}, {"f32[4]", "f32[1]"}, "sizes are f32, expected i64"},
};

TEST(Split, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Split, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
