#include "ops/integer_add/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::QLinearAdd;

// Scales are powers of two, so that rounding has nothing to choose.
const OpCase cases[] = {
    {"bytes",
     QLinearAdd{},
     {"u8[2, 3, 5, 7]", "f32[] = [0.5]", "u8[] = [100]", "u8[2, 3, 5, 7]", "f32[] = [0.25]",
      "u8[] = [3]", "f32[] = [0.5]", "u8[] = [20]"},
     1,
     0,
     255},
    {"signed and not",
     QLinearAdd{},
     {"i8[129]", "f32[] = [0.5]", "i8[] = [-7]", "u8[129]", "f32[] = [2.0]", "u8[] = [0]",
      "f32[] = [1.0]", "i8[] = [1]"},
     1,
     0,
     127},
    {"nothing",
     QLinearAdd{},
     {"u8[0, 3]", "f32[] = [0.5]", "u8[] = [0]", "i8[0, 3]", "f32[] = [2.0]", "i8[] = [0]",
      "f32[] = [1.0]", "u8[] = [1]"}},
};

const Rejection rejected[] = {
    {"types",
     QLinearAdd{},
     {"i32[3]", "f32[]", "i32[]", "u8[3]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "a is i32, expected u8 or i8"},
    {"zero point",
     QLinearAdd{},
     {"u8[3]", "f32[]", "u8[]", "u8[3]", "f32[]", "i8[]", "f32[]", "u8[]"},
     "b_zero_point is i8, expected u8"},
    {"scale",
     QLinearAdd{},
     {"u8[3]", "f16[]", "u8[]", "u8[3]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "a scale is f16"},
    {"shapes",
     QLinearAdd{},
     {"u8[3]", "f32[]", "u8[]", "u8[4]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "dimensions of a and b"},
    {"ranks",
     QLinearAdd{},
     {"u8[3]", "f32[]", "u8[]", "u8[1, 3]", "f32[]", "u8[]", "f32[]", "u8[]"},
     "a has rank 1 and b 2"},
};

TEST(QLinearAdd, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(QLinearAdd, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
