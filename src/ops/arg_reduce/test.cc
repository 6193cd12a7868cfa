#include "ops/arg_reduce/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ArgReduce;

const OpCase cases[] = {
    {"last axis", ArgReduce{.axis = -1}, {"f32[7, 1000]"}},
    {"odd length", ArgReduce{.axis = -1, .keep_dims = false}, {"f32[13, 129]"}},
    {"one element", ArgReduce{.axis = 1}, {"f32[3, 1]"}},
    {"channels", ArgReduce{.axis = 1, .keep_dims = false}, {"f32[2, 21, 13, 7]"}},
    {"first axis", ArgReduce{}, {"f32[127, 17]"}},
    {"smallest", ArgReduce{.minimum = true, .axis = 1}, {"f32[3, 129, 5]"}},
    {"ties, first", ArgReduce{.axis = 1}, {"i32[3, 129]"}, 1, 0, 4},
    {"ties, last", ArgReduce{.axis = 1, .select_last = true}, {"i32[3, 129]"}, 1, 0, 4},
    {"constant line", ArgReduce{.axis = 0}, {"f32[5] = [2, 2, 2, 2, 2]"}},
    {"constant line, last", ArgReduce{.axis = 0, .select_last = true}, {"f32[3] = [2, 2, 2]"}},
    {"bytes", ArgReduce{.axis = 1}, {"u8[3, 33]"}, 1, 0, 200},
    {"half", ArgReduce{.axis = 1}, {"f16[3, 33]"}},
    {"long line", ArgReduce{.axis = 1, .select_last = true}, {"f16[1, 3001]"}},
    {"long column", ArgReduce{}, {"bf16[300, 3]"}},
    {"longest column", ArgReduce{.minimum = true}, {"i64[1100, 2]"}, 1, -9, 9},
    {"pixels, last axis", ArgReduce{.axis = 3, .keep_dims = false}, {"f16[2, 5, 3, 9]"}},
    {"no lines", ArgReduce{.axis = 1}, {"f32[0, 33]"}},
};

const Rejection rejected[] = {
    {"axis out of range", ArgReduce{.axis = 2}, {"f32[3, 4]"}, "axis is 2, expected -2 to 1"},
    {"empty axis", ArgReduce{.axis = 1}, {"f32[3, 0]"}, "x [3, 0] is empty along axis 1"},
    {"bool", ArgReduce{}, {"bool[3]"}, "x is bool, expected numbers"},
};

TEST(ArgReduce, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(ArgReduce, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
