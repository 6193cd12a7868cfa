#include "ops/cumulative/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Cumulative;

const OpCase cases[] = {
    {"sums", Cumulative{}, {"f32[7, 13]", "i64[] = [1]"}},
    {"from the end", Cumulative{.reverse = true}, {"f64[7, 3]", "i64[] = [0]"}},
    {"exclusive", Cumulative{.exclusive = true}, {"i32[3, 7, 5]", "i32[] = [-2]"}},
    {"products", Cumulative{.product = true}, {"f32[3, 7]", "i64[1] = [1]"}},
    {"products before", Cumulative{true, true, true}, {"i64[7]", "i64[] = [0]"}},
    {"long line", Cumulative{.exclusive = true, .reverse = true}, {"f32[2, 777]", "i64[] = [1]"}},
    {"long line of integers", Cumulative{}, {"i64[1, 600]", "i64[] = [-1]"}, 1, -9, 9},
    {"half", Cumulative{}, {"f16[3, 33]", "i64[] = [1]"}},
    {"bytes", Cumulative{}, {"u8[2, 5, 3]", "i64[] = [1]"}, 1, 0, 200},
    {"pixels", Cumulative{}, {"f32[2, 5, 3, 4]", "i64[] = [1]"}},
    {"empty", Cumulative{}, {"f32[0, 3]", "i64[] = [0]"}},
};

const Rejection rejected[] = {
    {"axis", Cumulative{}, {"f32[3]", "i64[] = [1]"}, "axis is 1, expected -1 to 0"},
    {"two axes", Cumulative{}, {"f32[3]", "i64[2]"}, "axis has 2 elements, expected 1"},
    {"bool", Cumulative{}, {"bool[3]", "i64[]"}, "x is bool, expected numbers"},
};

TEST(Cumulative, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Cumulative, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
