#include "ops/slice/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Slice;

const OpCase cases[] = {
    {"middle", Slice{}, {"f32[7, 13]", "i64[2] = [1, 2]", "i64[2] = [6, -2]"}},
    {"to the end", Slice{}, {"f32[7, 13]", "i64[1] = [3]", "i64[1] = [9223372036854775807]"}},
    {"channels", Slice{}, {"f32[2, 13, 7, 5]", "i64[1] = [4]", "i64[1] = [9]", "i64[1] = [1]"}},
    {"steps",
     Slice{},
     {"f32[2, 3, 16, 17]", "i64[2] = [0, 1]", "i64[2] = [99, 99]", "i64[2] = [2, -1]",
      "i64[2] = [2, 3]"}},
    {"backwards",
     Slice{},
     {"f32[129]", "i64[1] = [-1]", "i64[1] = [-9223372036854775808]", "i64[1] = [0]",
      "i64[1] = [-1]"}},
    {"backwards in steps",
     Slice{},
     {"u8[33, 7]", "i32[1] = [30]", "i32[1] = [-30]", "i32[1] = [0]", "i32[1] = [-4]"}},
    {"backwards from before the first",
     Slice{},
     {"f32[5, 3]", "i64[1] = [-8]", "i64[1] = [-99]", "i64[1] = [0]", "i64[1] = [-1]"}},
    {"the last", Slice{}, {"f32[7, 13]", "i64[2] = [0, -3]", "i64[2] = [7, 13]"}},
    {"all but the last", Slice{}, {"f32[7, 13]", "i64[1] = [0]", "i64[1] = [-1]", "i64[1] = [1]"}},
    {"more than there is", Slice{}, {"f32[7]", "i64[1] = [-20]", "i64[1] = [20]"}},
    {"nothing", Slice{}, {"f32[7, 2]", "i64[1] = [5]", "i64[1] = [3]"}},
    {"far step",
     Slice{},
     {"f32[7]", "i64[1] = [1]", "i64[1] = [7]", "_", "i64[1] = [9223372036854775807]"}},
    {"of nothing", Slice{}, {"f16[0, 2]", "i64[1] = [0]", "i64[1] = [1]"}},
    {"contents",
     Slice{},
     {"i64[4] = [5, 6, 7, 8]", "i64[1] = [-1]", "i64[1] = [0]", "_", "i64[1] = [-2]"}},
    {"large", Slice{}, {"f32[1040, 1025]", "i64[1] = [1]", "i64[1] = [1025]", "i64[1] = [1]"}},
    {"every third byte",
     Slice{},
     {"u8[7, 396]", "i64[1] = [1]", "i64[1] = [396]", "i64[1] = [1]", "i64[1] = [3]"}},
    {"packed", Slice{}, {"u2[3, 7]", "i64[1] = [1]", "i64[1] = [6]", "i64[1] = [1]"}},
};

const Rejection rejected[] = {
    {"step 0",
     Slice{},
     {"f32[7]", "i64[1] = [0]", "i64[1] = [1]", "_", "i64[1] = [0]"},
     "steps[0] is 0"},
    {"axis twice",
     Slice{},
     {"f32[7, 7]", "i64[2] = [0, 0]", "i64[2] = [1, 1]", "i64[2] = [1, -1]"},
     "axes name a dimension twice"},
    {"axis",
     Slice{},
     {"f32[7]", "i64[1] = [0]", "i64[1] = [1]", "i64[1] = [1]"},
     "axes is 1, expected -1 to 0"},
    {"lengths", Slice{}, {"f32[7]", "i64[1] = [0]", "i64[2] = [1, 1]"}, "1 and 2 differ"},
    {"too many",
     Slice{},
     {"f32[7]", "i64[2] = [0, 0]", "i64[2] = [1, 1]"},
     "slices 2 dimensions of 1"},
    {"floats", Slice{}, {"f32[7]", "f32[1]", "i64[1]"}, "starts are f32, expected i64"},
};

TEST(Slice, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Slice, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
