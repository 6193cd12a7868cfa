#include "ops/rotary_embedding/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::RotaryEmbedding;

constexpr RotaryEmbedding pairs{.interleaved = true}, rows_first{.heads_last = true};

const OpCase cases[] = {
    {"offset", rows_first, {"f32[2, 5, 3, 64]", "f32[13, 32]", "f32[13, 32]", "i64[1] = [7]"}},
    {"positions",
     RotaryEmbedding{},
     {"f32[2, 7, 3, 26]", "f32[9, 13]", "f32[9, 13]", "i64[2, 3] = [8, 0, 1, 5, 5, 2]"}},
    {"lines of its own", RotaryEmbedding{}, {"f32[2, 3, 7, 2]", "f32[2, 7, 1]", "f32[2, 7, 1]"}},
    {"interleaved",
     pairs,
     {"f32[1, 2, 3, 130]", "f32[4, 65]", "f32[4, 65]", "i64[1, 3] = [3, 0, 1]"}},
    {"a part",
     RotaryEmbedding{.rotated = 14, .heads_last = true},
     {"f32[3, 1, 7, 127]", "f32[3, 1, 7]", "f32[3, 1, 7]"}},
    {"a part, interleaved",
     RotaryEmbedding{.rotated = 66, .interleaved = true, .heads_last = true},
     {"f32[1, 13, 2, 129]", "f32[129, 33]", "f32[129, 33]", "i64[1] = [116]"}},
    {"many rows", rows_first, {"f32[1, 127, 8, 32]", "f32[1, 127, 16]", "f32[1, 127, 16]"}},
    {"half", RotaryEmbedding{}, {"f16[1, 2, 7, 26]", "f16[1, 7, 13]", "f16[1, 7, 13]"}},
    {"bfloat", pairs, {"bf16[1, 2, 7, 26]", "bf16[1, 7, 13]", "bf16[1, 7, 13]"}},
    {"double", rows_first, {"f64[1, 7, 2, 4]", "f64[8, 2]", "f64[8, 2]", "i64[1] = [1]"}},
    {"no rows", rows_first, {"f32[2, 0, 3, 4]", "f32[5, 2]", "f32[5, 2]", "i64[2, 0] = []"}},
    {"no heads", RotaryEmbedding{}, {"f32[1, 0, 3, 4]", "f32[1, 3, 2]", "f32[1, 3, 2]"}},
    {"empty heads",
     RotaryEmbedding{},
     {"f32[1, 2, 1099511627776, 0]", "f32[1, 1099511627776, 0]", "f32[1, 1099511627776, 0]"}},
};

const Rejection rejected[] = {
    {"integers",
     RotaryEmbedding{},
     {"i64[1, 1, 1, 2]", "i64[1, 1, 1]", "i64[1, 1, 1]"},
     "x is i64, expected a fl"},
    {"mixed",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 2]", "f32[1, 1, 1]", "f16[1, 1, 1]"},
     "sin is f16, but x is f32"},
    {"rank",
     RotaryEmbedding{},
     {"f32[1, 1, 2]", "f32[1, 1, 1]", "f32[1, 1, 1]"},
     "x has rank 3, expected 4"},
    {"odd",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 3]", "f32[1, 1, 1]", "f32[1, 1, 1]"},
     "3 elements of a head turn"},
    {"negative",
     RotaryEmbedding{.rotated = -2},
     {"f32[1, 1, 1, 4]", "f32[1, 1, 1]", "f32[1, 1, 1]"},
     "-2 elements of a head turn, expected an even number"},
    {"more than there is",
     RotaryEmbedding{.rotated = 6},
     {"f32[1, 1, 1, 4]", "f32[1, 1, 3]", "f32[1, 1, 3]"},
     "6 elements of a head turn, it has 4"},
    {"columns",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 4]", "f32[1, 1, 2]", "f32[1, 1, 3]"},
     "columns of sin and pairs that turn"},
    {"cache of rank 2",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 2]", "f32[1, 1]", "f32[1, 1]"},
     "cos has rank 2"},
    {"batches",
     RotaryEmbedding{},
     {"f32[2, 1, 3, 2]", "f32[1, 3, 1]", "f32[2, 3, 1]"},
     "batches of cos and x"},
    {"rows",
     RotaryEmbedding{},
     {"f32[1, 2, 3, 2]", "f32[1, 3, 1]", "f32[1, 2, 1]"},
     "rows of sin and x"},
    {"cache of rank 3",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 2]", "f32[1, 1, 1]", "f32[1, 1, 1]", "i64[1]"},
     "cos has rank 3, expected 2"},
    {"lines",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 2]", "f32[4, 1]", "f32[5, 1]", "i64[1]"},
     "lines of cos and sin"},
    {"positions' type",
     RotaryEmbedding{},
     {"f32[1, 1, 1, 2]", "f32[4, 1]", "f32[4, 1]", "i32[1]"},
     "positions are i32, expected i64"},
    {"positions' length",
     RotaryEmbedding{},
     {"f32[1, 1, 2, 2]", "f32[4, 1]", "f32[4, 1]", "i64[2]"},
     "positions have shape [2], expected [1] or [1, 2]"},
    {"positions' rows",
     RotaryEmbedding{},
     {"f32[1, 1, 2, 2]", "f32[4, 1]", "f32[4, 1]", "i64[1, 3]"},
     "rows of positions and x"},
};

TEST(RotaryEmbedding, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(RotaryEmbedding, RefusesBadNodes) { expect_rejected(rejected); }

/// A quarter turn: (a, b) becomes (-b, a). The elements behind those that turn stay.
TEST(RotaryEmbedding, TurnsPairs) {
  const Tensor x = Tensor::from<float>({1, 1, 1, 5}, {1, 2, 3, 4, 5});
  const Tensor cos = Tensor::from<float>({2, 2}, {1, 1, 0, 1});
  const Tensor sin = Tensor::from<float>({2, 2}, {0, 0, 1, 0});
  const Tensor second = Tensor::from<int64_t>({1}, {int64_t{1}});
  const Tensor halves = run_reference(RotaryEmbedding{.rotated = 4}, {x, cos, sin, second})[0];
  EXPECT_TRUE(halves.identical(Tensor::from<float>({1, 1, 1, 5}, {-3, 2, 1, 4, 5})));
  const Tensor neighbours =
      run_reference(RotaryEmbedding{.rotated = 4, .interleaved = true}, {x, cos, sin, second})[0];
  EXPECT_TRUE(neighbours.identical(Tensor::from<float>({1, 1, 1, 5}, {-2, 1, 3, 4, 5})));
}

std::string error_at(std::vector<int64_t> positions, Shape shape) {
  const Tensor x = Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor cache = Tensor::from<float>({3, 1}, {1, 1, 1});
  try {
    run_reference(RotaryEmbedding{}, {x, cache, cache, Tensor::from<int64_t>(shape, positions)});
  } catch (const Error& error) {
    return fmt::format("{}: {}", name(error.code()), error.message());
  }
  return "no error";
}

TEST(RotaryEmbedding, RefusesPositionsOutsideTheCache) {
  EXPECT_EQ(error_at({0, 3}, {1, 2}),
            "INVALID_ARGUMENT: row 1 stands at position 3, expected 0 to 2");
  EXPECT_EQ(error_at({-1, 0}, {1, 2}),
            "INVALID_ARGUMENT: row 0 stands at position -1, expected 0 to 2");
  EXPECT_EQ(error_at({2}, {1}),
            "INVALID_ARGUMENT: row 1 stands at position 2 + 1, expected 0 to 2");
  EXPECT_NE(error_at({INT64_MAX}, {1}), "no error");
  EXPECT_NE(error_at({INT64_MIN}, {1}), "no error");
  EXPECT_EQ(error_at({1}, {1}), "no error");
}

}  // namespace
}  // namespace drawbar
