#include "ops/select/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Compress;
using ops::NonZero;
using ops::OneHot;
using ops::TopK;
using ops::Unique;

const OpCase cases[] = {
    {"non-zero", NonZero{}, {"i64[3, 7]"}, 1, 0, 2},
    {"mask", NonZero{}, {"bool[129]"}, 1, 0, 2},
    {"nothing", NonZero{}, {"f32[0, 3]"}},
    {"scalar", NonZero{}, {"f32[]"}},
    {"compressed", Compress{.axis = 1, .flatten = false}, {"f32[3, 4, 2]", "bool[3] = [1, 0, 1]"}},
    {"compressed flat", Compress{}, {"u8[3, 2]", "bool[5] = [0, 1, 1, 0, 1]"}},
    {"compressed by data", Compress{}, {"f32[13]", "bool[13]"}, 1, 0, 2},
    {"unique", Unique{}, {"i64[3, 13]"}, 4, 0, 9},
    {"unique as they occur", Unique{.sorted = false}, {"i32[33]"}, 4, 0, 9},
    {"unique rows", Unique{.axis = 0, .flatten = false}, {"i8[13, 2]"}, 4, 0, 3},
    {"unique columns", Unique{.axis = -1, .flatten = false}, {"f16[2, 7]"}, 4, 0, 3},
    {"unique of nothing", Unique{}, {"f32[0]"}, 4},
    {"top", TopK{}, {"f32[7, 129]", "i64[1] = [5]"}, 2},
    {"bottom", TopK{.axis = 0, .largest = false}, {"f32[33, 3]", "i64[1] = [33]"}, 2},
    {"top of many", TopK{}, {"f32[2, 30011]", "i64[1] = [300]"}, 2},
    {"few of many", TopK{.axis = 0, .largest = false}, {"f32[5003, 2]", "i64[1] = [1]"}, 2},
    {"ties", TopK{.axis = 1}, {"i32[3, 40, 2]", "i64[1] = [17]"}, 2, 0, 5},
    {"top none", TopK{}, {"f32[3]", "i64[1] = [0]"}, 2},
    {"top halves", TopK{}, {"f16[129]", "i64[1] = [7]"}, 2},
    {"top integers", TopK{}, {"i64[3, 300]", "i64[1] = [4]"}, 2, -50, 50},
    {"bottom doubles", TopK{.axis = 0, .largest = false}, {"f64[270, 2]", "i64[1] = [5]"}, 2},
    {"top half of many", TopK{}, {"f32[4500]", "i64[1] = [2300]"}, 2},
    {"top of many twice", TopK{}, {"bf16[1, 9000]", "i64[1] = [1500]"}, 2},
    {"top bytes", TopK{.largest = false}, {"u8[2, 70]", "i64[1] = [70]"}, 2, 0, 20},
    {"one hot", OneHot{}, {"i64[2, 3] = [0, 4, -1, 5, -6, 2]", "i64[] = [5]", "f32[2] = [0, 1]"}},
    {"one hot in front", OneHot{0}, {"i32[3] = [0, 1, 2]", "f32[1] = [4]", "i64[2] = [7, -7]"}},
    {"one hot floats", OneHot{1}, {"f32[2, 2] = [0, 1, 2, 1]", "i64[] = [3]", "u8[2] = [1, 9]"}},
};

const Rejection rejected[] = {
    {"condition", Compress{}, {"f32[3]", "i64[3]"}, "condition is i64, expected bool"},
    {"condition's rank", Compress{}, {"f32[3]", "bool[3, 1]"}, "condition has rank 2, expected 1"},
    {"axis", Compress{.axis = 1, .flatten = false}, {"f32[3]", "bool[3]"}, "axis is 1"},
    {"unique axis", Unique{.axis = 1, .flatten = false}, {"f32[3]"}, "axis is 1", 4},
    {"k", TopK{}, {"f32[3]", "i64[1] = [4]"}, "k is 4, but dimension 0 has 3", 2},
    {"negative k", TopK{}, {"f32[3]", "i64[1] = [-1]"}, "k is -1, expected at least 0", 2},
    {"two ks", TopK{}, {"f32[3]", "i64[2]"}, "k has shape [2], expected one element", 2},
    {"strings", TopK{}, {"string[3]", "i64[1]"}, "x is string, expected numbers", 2},
    {"depth", OneHot{}, {"i64[3]", "i64[] = [0]", "f32[2]"}, "depth is 0, expected at least 1"},
    {"values", OneHot{}, {"i64[3]", "i64[] = [3]", "f32[3]"}, "values: 3 and 2 differ"},
};

TEST(Select, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Select, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
