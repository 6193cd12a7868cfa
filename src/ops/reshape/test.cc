#include "ops/reshape/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Flatten;
using ops::Reshape;
using ops::ReshapeLike;
using ops::Squeeze;
using ops::Unsqueeze;

const OpCase cases[] = {
    {"the rest", Reshape{}, {"f32[3, 4, 5]", "i64[2] = [4, -1]"}},
    {"kept", Reshape{}, {"f32[7, 13, 5]", "i64[3] = [0, 5, -1]"}},
    {"to a scalar", Reshape{}, {"f32[1, 1]", "i64[0] = []"}},
    {"empty", Reshape{.allow_zero = true}, {"f32[0, 4]", "i64[2] = [4, 0]"}},
    {"contents", Reshape{}, {"i64[2] = [7, 9]", "i64[2] = [2, 1]"}},
    {"packed", Reshape{}, {"i4[3, 5]", "i64[1] = [-1]"}},
    {"squeeze all", Squeeze{}, {"f32[1, 7, 1]"}},
    {"squeeze some", Squeeze{{-1, 0}}, {"f32[1, 7, 1]"}},
    {"squeeze by input", Squeeze{}, {"f32[1, 7, 1]", "i64[1] = [2]"}},
    {"unsqueeze", Unsqueeze{{4, 0, -3}}, {"f32[3, 7]"}},
    {"unsqueeze by input", Unsqueeze{}, {"u8[7]", "i64[2] = [0, 2]"}},
    {"flatten", Flatten{2}, {"f32[2, 3, 5, 7]"}},
    {"flatten in front", Flatten{0}, {"f32[2, 3]"}},
    {"flatten behind", Flatten{-1}, {"f16[2, 3, 127]"}},
    {"like another", ReshapeLike{}, {"f32[6, 2]", "i64[3, 4]"}},
};

const Rejection rejected[] = {
    {"two rests", Reshape{}, {"f32[4]", "i64[2] = [-1, -1]"}, "shape has -1 at 0 and at 1"},
    {"negative", Reshape{}, {"f32[4]", "i64[1] = [-2]"}, "shape[0] is -2, expected at least -1"},
    {"another size", Reshape{}, {"f32[4]", "i64[1] = [5]"}, "has 4 elements, shape [5] has 5"},
    {"no divisor", Reshape{}, {"f32[7]", "i64[2] = [2, -1]"}, "7 elements in lines of 2"},
    {"nothing to keep",
     Reshape{},
     {"f32[4]", "i64[2] = [4, 0]"},
     "shape[1] is 0, but data has rank"},
    {"undefined rest",
     Reshape{.allow_zero = true},
     {"f32[0]", "i64[2] = [0, -1]"},
     "both 0 and -1"},
    {"overflow", Reshape{}, {"f32[4]", "i64[2] = [4611686018427387904, 4]"}, "overflow"},
    {"float shape", Reshape{}, {"f32[4]", "f32[1]"}, "shape is f32, expected i64"},
    {"squeeze of 7", Squeeze{{1}}, {"f32[1, 7]"}, "dimension 1 is 7, expected 1"},
    {"squeeze outside", Squeeze{{2}}, {"f32[1, 7]"}, "axes is 2, expected -2 to 1"},
    {"squeeze twice", Squeeze{{0, -3}}, {"f32[1, 7, 1]"}, "axes name a dimension twice"},
    {"unsqueeze outside", Unsqueeze{{4}}, {"f32[1, 7]"}, "axes is 4, expected -3 to 2"},
    {"flatten outside", Flatten{3}, {"f32[1, 7]"}, "axis is 3, expected -2 to 2"},
    {"unlike", ReshapeLike{}, {"f32[6]", "f32[5]"}, "has 6 elements"},
};

TEST(Reshape, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Reshape, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
