#include "ops/transpose/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Transpose;

const OpCase cases[] = {
    {"matrix", Transpose{}, {"f32[127, 129]"}},
    {"reversed", Transpose{}, {"f32[3, 1, 7, 13]"}},
    {"to channels last", Transpose{{0, 2, 3, 1}}, {"f32[2, 13, 7, 9]"}},
    {"from channels last", Transpose{{0, 3, 1, 2}}, {"f32[2, 7, 9, 129]"}},
    {"image", Transpose{{0, 2, 3, 1}}, {"u8[1, 3, 31, 33]"}},
    {"heads", Transpose{{0, 2, 1, 3}}, {"f16[2, 13, 4, 8]"}},
    {"keys", Transpose{{0, 2, -1, 1}}, {"f32[2, 33, 3, 17]"}},
    {"doubles", Transpose{{1, 0, 2}}, {"f64[5, 6, 2]"}},
    {"complex", Transpose{}, {"c64[5, 6]"}},
    {"bool", Transpose{}, {"bool[17, 33]"}},
    {"halves", Transpose{}, {"f16[130, 66]"}},
    {"odd halves", Transpose{}, {"bf16[129, 67]"}},
    {"bytes", Transpose{}, {"u8[132, 260]"}},
    {"bytes to channels last", Transpose{{0, 2, 3, 1}}, {"u8[2, 3, 16, 20]"}},
    {"bytes from channels last", Transpose{{0, 3, 1, 2}}, {"u8[2, 16, 20, 3]"}},
    {"halves from channels last", Transpose{{0, 3, 1, 2}}, {"f16[2, 13, 10, 6]"}},
    {"halves to channels last", Transpose{{0, 2, 3, 1}}, {"f16[2, 6, 13, 10]"}},
    {"small matrices", Transpose{{0, 2, 1}}, {"f32[5, 20, 24]"}},
    {"tiny matrices", Transpose{{0, 2, 1}}, {"f32[50, 3, 5]"}},
    {"long and thin", Transpose{}, {"f64[1500, 2]"}},
    {"rows of vectors", Transpose{{1, 0, 2}}, {"f32[40, 36, 8]"}},
    {"wide elements", Transpose{}, {"c128[40, 33]"}},
    {"windows", Transpose{{0, 1, 3, 2, 4, 5}}, {"bf16[1, 2, 7, 2, 7, 6]"}},
    {"packed", Transpose{}, {"u4[3, 5]"}},
    {"vector", Transpose{}, {"i64[3] = [1, 2, 3]"}},
    {"scalar", Transpose{}, {"f32[]"}},
    {"empty", Transpose{}, {"f32[3, 0, 2]"}},
};

const Rejection rejected[] = {
    {"too short", Transpose{{0}}, {"f32[3, 4]"}, "permutation has 1 entries, expected 2"},
    {"twice", Transpose{{1, 1}}, {"f32[3, 4]"}, "permutation names dimension 1 twice"},
    {"outside", Transpose{{0, 2}}, {"f32[3, 4]"}, "permutation is 2, expected -2 to 1"},
};

TEST(Transpose, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Transpose, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
