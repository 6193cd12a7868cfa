#include "ops/expand/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Expand;
using ops::Tile;

const OpCase cases[] = {
    {"rows", Expand{}, {"f32[1, 13]", "i64[2] = [7, 13]"}},
    {"columns", Expand{}, {"f32[7, 1]", "i64[2] = [1, 129]"}},
    {"new dimensions", Expand{}, {"f32[3, 1]", "i64[4] = [2, 5, 1, 7]"}},
    {"a scalar", Expand{}, {"u8[]", "i64[2] = [3, 127]"}},
    {"to nothing", Expand{}, {"f32[1]", "i64[2] = [0, 1]"}},
    {"as it is", Expand{}, {"f64[3, 4]", "i64[1] = [1]"}},
    {"contents", Expand{}, {"i64[1] = [7]", "i64[1] = [4]"}},
    {"bytes", Expand{}, {"u8[5, 1]", "i64[2] = [5, 64]"}},
    {"rows of halves", Expand{}, {"f16[3, 1, 24]", "i64[3] = [3, 5, 24]"}},
    {"packed", Expand{}, {"u4[3, 1]", "i64[2] = [3, 5]"}},
    {"tiles", Tile{}, {"f32[2, 3, 7]", "i64[3] = [3, 1, 5]"}},
    {"one tile", Tile{}, {"f16[13]", "i64[1] = [1]"}},
    {"no tile", Tile{}, {"f32[2, 3]", "i64[2] = [0, 2]"}},
    {"tiled contents", Tile{}, {"i64[2] = [1, 2]", "i64[1] = [3]"}},
};

const Rejection rejected[] = {
    {"sizes", Expand{}, {"f32[3]", "i64[1] = [4]"}, "do not broadcast"},
    {"negative", Expand{}, {"f32[1]", "i64[1] = [-1]"}, "shape[0] is -1, expected at least 0"},
    {"matrix of sizes", Expand{}, {"f32[1]", "i64[1, 1]"}, "shape has rank 2, expected 1"},
    {"repeats", Tile{}, {"f32[3]", "i64[2] = [1, 1]"}, "repeats has 2 entries, expected 1"},
    {"negative repeats", Tile{}, {"f32[3]", "i64[1] = [-1]"}, "repeats[0] is -1"},
    {"overflow", Tile{}, {"f32[4096]", "i64[1] = [9223372036854775807]"}, "overflow"},
};

TEST(Expand, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Expand, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
