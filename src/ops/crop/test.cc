#include "ops/crop/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::CenterCropPad;

const OpCase cases[] = {
    {"cut and padded", CenterCropPad{}, {"f32[7, 4, 3]", "i64[3] = [4, 7, 3]"}},
    {"some axes", CenterCropPad{{-1, 0}}, {"u8[7, 3, 5]", "i64[2] = [8, 2]"}},
    {"to nothing", CenterCropPad{}, {"f16[3]", "i64[1] = [0]"}},
};

const Rejection rejected[] = {
    {"count", CenterCropPad{}, {"f32[3, 3]", "i64[1] = [1]"}, "shape has 1 entries, expected 2"},
    {"axis", CenterCropPad{{2}}, {"f32[3]", "i64[1] = [1]"}, "axes is 2, expected -1 to 0"},
    {"negative", CenterCropPad{}, {"f32[3]", "i64[1] = [-1]"}, "shape[0] is -1"},
};

TEST(CenterCropPad, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(CenterCropPad, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
