#include "ops/softmax/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Softmax;

const OpCase cases[] = {
    {"last axis", Softmax{}, {"f32[3, 127]"}},
    {"one line", Softmax{}, {"f32[1, 1, 129]"}},
    {"channels", Softmax{.axis = 1}, {"f32[2, 13, 7, 5]"}},
    {"log", Softmax{.log = true}, {"f32[13, 7]"}},
    {"double", Softmax{.axis = 0}, {"f64[7, 3]"}},
    {"half", Softmax{}, {"f16[7, 33]"}},
    {"empty", Softmax{}, {"f32[0, 4]"}},
};

const Rejection rejected[] = {
    {"axis out of range", Softmax{.axis = 2}, {"f32[3, 4]"}, "axis is 2, expected -2 to 1"},
    {"integers", Softmax{}, {"i64[3]"}, "x is i64, expected a float type"},
};

TEST(Softmax, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Softmax, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
