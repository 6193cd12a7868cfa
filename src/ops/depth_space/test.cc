#include "ops/depth_space/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::DepthToSpace;
using ops::SpaceToDepth;

const OpCase cases[] = {
    {"wide", DepthToSpace{2}, {"f32[2, 12, 7, 5]"}},
    {"wide, channels first", DepthToSpace{3, true}, {"f32[1, 18, 5, 4]"}},
    {"wide bytes", DepthToSpace{2}, {"u8[1, 8, 3, 33]"}},
    {"wide, as it is", DepthToSpace{1}, {"f32[1, 3, 5, 7]"}},
    {"deep", SpaceToDepth{2}, {"f32[2, 3, 14, 10]"}},
    {"deep, channels first", SpaceToDepth{3, true}, {"f32[1, 2, 6, 9]"}},
    {"deep halves", SpaceToDepth{2}, {"f16[1, 3, 32, 66]"}},
    {"deep and empty", SpaceToDepth{2}, {"f32[0, 3, 4, 4]"}},
};

const Rejection rejected[] = {
    {"block 0", DepthToSpace{0}, {"f32[1, 4, 2, 2]"}, "block_size is 0, expected at least 1"},
    {"huge block", DepthToSpace{int64_t{1} << 40}, {"f32[1, 4, 2, 2]"}, "overflow"},
    {"channels",
     DepthToSpace{2},
     {"f32[1, 6, 2, 2]"},
     "x has 6 channels, expected a multiple of 4"},
    {"rank", DepthToSpace{2}, {"f32[4, 2, 2]"}, "x has rank 3, expected 4"},
    {"columns", SpaceToDepth{2}, {"f32[1, 4, 2, 3]"}, "x has 3 columns, expected a multiple of 2"},
};

TEST(DepthSpace, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(DepthSpace, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
