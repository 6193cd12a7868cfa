#include "ops/pad/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Pad;
using ops::PadMode;

const OpCase cases[] = {
    {"image", Pad{}, {"f32[2, 3, 7, 5]", "i64[8] = [0, 0, 1, 2, 0, 0, 3, 0]"}},
    {"with a value", Pad{}, {"f32[7, 13]", "i64[4] = [0, 2, 1, 0]", "f32[] = [2.5]"}},
    {"channels", Pad{}, {"f32[1, 3, 4, 4]", "i64[8] = [0, 2, 0, 0, 0, 3, 0, 0]"}},
    {"some axes", Pad{}, {"u8[3, 5, 7]", "i64[2] = [2, 1]", "_", "i64[1] = [-1]"}},
    {"cut", Pad{}, {"f32[7, 7]", "i64[4] = [-1, 2, -3, -1]"}},
    {"from nothing", Pad{}, {"f32[0, 2]", "i64[4] = [1, 0, 2, 0]"}},
    {"reflected", Pad{PadMode::reflect}, {"f32[1, 2, 5, 7]", "i64[8] = [0, 0, 4, 3, 0, 0, 2, 6]"}},
    {"reflected more than once", Pad{PadMode::reflect}, {"f32[3]", "i64[2] = [7, 8]"}},
    {"one reflected", Pad{PadMode::reflect}, {"f32[1, 3]", "i64[4] = [2, 0, 1, 0]"}},
    {"cut and reflected", Pad{PadMode::reflect}, {"f32[9]", "i64[2] = [-2, 3]"}},
    {"edges", Pad{PadMode::edge}, {"f16[1, 2, 5, 7]", "i64[8] = [1, 0, 4, 3, 0, 0, 2, 9]"}},
    {"wrapped", Pad{PadMode::wrap}, {"f32[2, 5, 3]", "i64[6] = [0, 4, 7, 0, 11, 1]"}},
    {"wide rows", Pad{}, {"f16[5, 16]", "i64[4] = [1, 8, 2, 24]", "f16[] = [0.5]"}},
    {"channels of eight", Pad{}, {"f32[1, 8, 5, 3]", "i64[8] = [0, 0, 1, 2, 0, 0, 1, 1]"}},
    {"edges of rows", Pad{PadMode::edge}, {"f32[5, 12]", "i64[4] = [1, 0, 2, 0]"}},
    {"packed", Pad{}, {"i4[3, 3]", "i64[4] = [1, 1, 0, 0]"}},
    {"complex", Pad{}, {"c64[3]", "i64[2] = [1, 1]"}},
};

const Rejection rejected[] = {
    {"count", Pad{}, {"f32[3, 3]", "i64[2] = [1, 1]"}, "pads has 2 entries, expected 4"},
    {"cut too much", Pad{}, {"f32[3]", "i64[2] = [-2, -2]"}, "leave -1 elements"},
    {"value type", Pad{}, {"f32[3]", "i64[2] = [1, 1]", "f64[]"}, "value is f64, but x is f32"},
    {"axis twice",
     Pad{},
     {"f32[3, 3]", "i64[4] = [1, 1, 1, 1]", "_", "i64[2] = [1, -1]"},
     "axes name dimension 1 twice"},
    {"overflow", Pad{}, {"f32[3]", "i64[2] = [9223372036854775807, 1]"}, "overflow"},
};

TEST(Pad, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Pad, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
