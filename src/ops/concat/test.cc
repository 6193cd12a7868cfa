#include "ops/concat/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Concat;

const OpCase cases[] = {
    {"channels", Concat{1}, {"f32[2, 13, 7, 5]", "f32[2, 1, 7, 5]", "f32[2, 127, 7, 5]"}},
    {"rows", Concat{-2}, {"f32[1, 3, 4, 33]", "f32[1, 3, 2, 33]"}},
    {"columns", Concat{3}, {"f32[2, 3, 4, 7]", "f32[2, 3, 4, 1]"}},
    {"one", Concat{0}, {"f32[7]"}},
    {"with an empty one", Concat{1}, {"f16[3, 0]", "f16[3, 5]"}},
    {"bytes", Concat{1}, {"u8[129, 3]", "u8[129, 4]"}},
    {"large", Concat{1}, {"f32[1, 64, 28, 29]", "f32[1, 32, 28, 29]"}},
    {"halves", Concat{1}, {"bf16[2, 8, 3, 5]", "bf16[2, 24, 3, 5]"}},
    {"odd halves", Concat{1}, {"f16[2, 7, 3, 5]", "f16[2, 5, 3, 5]"}},
    {"many", Concat{0}, std::vector<std::string>(70, "f32[3]")},
    {"packed", Concat{1}, {"i4[3, 1]", "i4[3, 2]"}},
    {"contents", Concat{0}, {"i64[1] = [3]", "i64[2] = [5, -1]"}},
    {"twice the same", Concat{0}, {"f64[13, 1]", "f64[13, 1]"}},
};

const Rejection rejected[] = {
    {"nothing", Concat{0}, {}, "has no inputs"},
    {"types", Concat{0}, {"f32[1]", "i64[1]"}, "input 1 is i64, but input 0 is f32"},
    {"ranks", Concat{0}, {"f32[1]", "f32[1, 1]"}, "input 1 has rank 2, but input 0 has 1"},
    {"sizes", Concat{0}, {"f32[1, 4]", "f32[1, 5]"}, "4 and 5 differ"},
    {"axis", Concat{2}, {"f32[1, 4]"}, "axis is 2, expected -2 to 1"},
    {"scalars", Concat{0}, {"f32[]"}, "axis is 0"},
};

TEST(Concat, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Concat, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
