#include "ops/col2im/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Col2Im;

const OpCase cases[] = {
    {"blocks", Col2Im{}, {"f32[2, 12, 12]", "i64[2] = [4, 5]", "i64[2] = [2, 2]"}},
    {"strides",
     Col2Im{{2, 2}, {}, {0, 1, 0, 1}},
     {"f64[1, 9, 6]", "i64[2] = [5, 5]", "i64[2] = [3, 3]"}},
    {"dilated", Col2Im{{}, {2}, {}}, {"i32[1, 6, 3]", "i64[1] = [7]", "i64[1] = [3]"}},
};

const Rejection rejected[] = {
    {"stride 0",
     Col2Im{{0, 1}},
     {"f32[1, 4, 9]", "i64[2] = [4, 4]", "i64[2] = [2, 2]"},
     "strides has 0, expected at least 1"},
    {"rows",
     Col2Im{},
     {"f32[1, 5, 9]", "i64[2] = [4, 4]", "i64[2] = [2, 2]"},
     "x has 5 rows, expected a multiple of 4"},
    {"columns",
     Col2Im{},
     {"f32[1, 4, 8]", "i64[2] = [4, 4]", "i64[2] = [2, 2]"},
     "x has 8 columns, but 9 blocks fit"},
    {"pads",
     Col2Im{{}, {}, {1}},
     {"f32[1, 4, 9]", "i64[2] = [4, 4]", "i64[2] = [2, 2]"},
     "pads has 1 entries, expected 4"},
};

TEST(Col2Im, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Col2Im, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
