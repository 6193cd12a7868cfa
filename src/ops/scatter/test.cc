#include "ops/scatter/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ScatterElements;
using ops::ScatterND;
using ops::ScatterReduction;
using ops::TensorScatter;

const OpCase cases[] = {
    {"elements", ScatterElements{1}, {"f32[3, 7]", "i64[2, 3] = [6, 0, -1, 3, 3, 2]", "f32[2, 3]"}},
    {"rows of elements",
     ScatterElements{},
     {"f32[3, 4]", "i64[2, 4] = [2, 2, 2, 2, 0, 0, 1, 1]", "f32[2, 4]"}},
    {"elements in front", ScatterElements{}, {"u8[3, 5]", "i32[1, 2] = [2, 0]", "u8[1, 2]"}},
    {"elements added",
     ScatterElements{0, ScatterReduction::add},
     {"f32[3, 2]", "i64[3, 2] = [1, 1, 1, 0, 1, 1]", "f32[3, 2]"}},
    {"elements multiplied",
     ScatterElements{0, ScatterReduction::mul},
     {"i64[3]", "i64[3] = [1, 1, -1]", "i64[3]"}},
    {"greatest",
     ScatterElements{0, ScatterReduction::max},
     {"f16[3]", "i64[3] = [1, 1, -1]", "f16[3]"}},
    {"elements added in rows",
     ScatterElements{1, ScatterReduction::add},
     {"f16[2, 5]", "i64[2, 6] = [1, 1, 1, 0, 4, -1, 2, 2, 0, 0, 3, 3]", "f16[2, 6]"}},
    {"bytes multiplied",
     ScatterElements{0, ScatterReduction::mul},
     {"u8[5]", "i32[6] = [1, 1, 1, 0, 4, -1]", "u8[6]"}},
    {"either",
     ScatterElements{0, ScatterReduction::add},
     {"bool[3]", "i64[3] = [1, 1, 0]", "bool[3]"}},
    {"the last of equal ones",
     ScatterElements{},
     {"f32[5]", "i64[9] = [1, 3, 1, 1, 3, 3, 1, 3, 0]", "f32[9]"}},
    {"the last of equal slices",
     ScatterND{},
     {"f16[5, 8]", "i64[6, 1] = [2, 2, 1, 2, 2, 1]", "f16[6, 8]"}},
    {"doubles added",
     ScatterND{ScatterReduction::add},
     {"f64[3, 2, 3]", "i64[4, 2] = [1, 1, 1, 1, 0, 1, 1, 1]", "f64[4, 3]"}},
    {"nothing", ScatterElements{}, {"f32[3]", "i64[0] = []", "f32[0]"}},
    {"slices", ScatterND{}, {"f32[13, 7, 5]", "i64[2, 1] = [12, -4]", "f32[2, 7, 5]"}},
    {"single elements", ScatterND{}, {"f64[3, 7]", "i64[2, 2] = [2, 0, -1, -7]", "f64[2]"}},
    {"slices added",
     ScatterND{ScatterReduction::add},
     {"f32[3, 7]", "i64[3, 1] = [1, 1, 0]", "f32[3, 7]"}},
    {"least",
     ScatterND{ScatterReduction::min},
     {"f32[3, 7]", "i32[3, 1] = [1, 1, 0]", "f32[3, 7]"}},
    {"everything", ScatterND{}, {"f32[3]", "i64[2, 0] = []", "f32[2, 3]"}},
    {"packed", ScatterND{}, {"u4[5]", "i64[1, 1] = [3]", "u4[1]"}},
    {"cache", TensorScatter{}, {"f32[2, 3, 7, 4]", "f32[2, 3, 2, 4]", "i64[2] = [5, 0]"}},
    {"cache from the front", TensorScatter{1}, {"f16[2, 7, 3]", "f16[2, 2, 3]"}},
    {"ring", TensorScatter{1, true}, {"f32[2, 5, 3]", "f32[2, 4, 3]", "i64[2] = [4, 2]"}},
};

const Rejection rejected[] = {
    {"types", ScatterND{}, {"f32[3]", "i64[1, 1]", "f64[1]"}, "updates are f64, but x is f32"},
    {"float indices", ScatterND{}, {"f32[3]", "f32[1, 1]", "f32[1]"}, "indices are f32"},
    {"updates", ScatterND{}, {"f32[3]", "i64[2, 1]", "f32[3]"}, "dimension 0 of updates"},
    {"long lines",
     ScatterND{},
     {"f32[3]", "i64[1, 2]", "f32[1]"},
     "2 entries a line, x has rank 1"},
    {"strings added",
     ScatterND{ScatterReduction::add},
     {"string[3]", "i64[1, 1]", "string[1]"},
     "x is string, which cannot be reduced"},
    {"shapes", ScatterElements{}, {"f32[3]", "i64[2]", "f32[3]"}, "2 and 3 differ"},
    {"axis", ScatterElements{1}, {"f32[3]", "i64[2]", "f32[2]"}, "axis is 1, expected -1 to 0"},
    {"too long", TensorScatter{1}, {"f32[1, 3, 2]", "f32[1, 4, 2]"}, "update has 4 along the axis"},
    {"the batch", TensorScatter{0}, {"f32[1, 3]", "f32[1, 3]"}, "axis is 0, which is the batch"},
};

TEST(Scatter, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Scatter, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
