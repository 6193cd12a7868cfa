#include "ops/interleave/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Interleave;

const OpCase cases[] = {
    {"pair", Interleave{0, 58}, {"f32[1, 58, 7, 5]", "f32[1, 58, 7, 5]"}},
    {"second halves", Interleave{29, 29}, {"f32[2, 58, 7, 13]", "f32[2, 58, 7, 13]"}},
    {"large", Interleave{0, 33}, {"f32[1, 66, 56, 57]", "f32[1, 66, 56, 57]"}},
    {"three", Interleave{1, 3}, {"f32[1, 5, 3, 4]", "f32[1, 5, 3, 4]", "f32[1, 5, 3, 4]"}},
    {"one", Interleave{2, 1}, {"f32[2, 3, 7]"}},
    {"bytes", Interleave{0, 2}, {"u8[129, 2]", "u8[129, 2]"}},
    {"nothing of it", Interleave{1, 0}, {"f16[3, 1]", "f16[3, 1]"}},
    {"packed", Interleave{0, 3}, {"i4[3, 3]", "i4[3, 3]"}},
};

const Rejection rejected[] = {
    {"nothing", Interleave{0, 1}, {}, "has no inputs"},
    {"types", Interleave{0, 1}, {"f32[1, 1]", "i64[1, 1]"}, "input 1 is i64, but input 0 is f32"},
    {"ranks", Interleave{0, 1}, {"f32[1, 1]", "f32[1, 1, 1]"}, "input 1 has rank 3, expected 2"},
    {"sizes", Interleave{0, 1}, {"f32[1, 4]", "f32[2, 4]"}, "1 and 2 differ"},
    {"too many", Interleave{2, 3}, {"f32[1, 4]"}, "takes channels up to 5, the inputs have 4"},
    {"before the first", Interleave{-1, 3}, {"f32[1, 4]"}, "takes 3 channels from -1 on"},
    {"vectors", Interleave{0, 1}, {"f32[1]"}, "input 0 has rank 1, expected at least 2"},
};

TEST(Interleave, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Interleave, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
