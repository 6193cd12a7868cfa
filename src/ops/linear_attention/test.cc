#include "ops/linear_attention/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::LinearAttention;
using ops::StateUpdate;

LinearAttention attention(StateUpdate update, int64_t heads = 2, int64_t groups = 2) {
  return {.heads = heads, .groups = groups, .update = update};
}

const OpCase cases[] = {
    {"linear",
     attention(StateUpdate::linear),
     {"f32[2, 5, 8]", "f32[2, 5, 8]", "f32[2, 5, 6]", "f32[2, 2, 4, 3]"},
     2},
    {"gated, shared heads",
     attention(StateUpdate::gated, 4, 2),
     {"f32[1, 7, 16]", "f32[1, 7, 8]", "f32[1, 7, 6]", "_", "f32[1, 7, 8]"},
     2},
    {"gated delta",
     attention(StateUpdate::gated_delta),
     {"f32[1, 7, 8]", "f32[1, 7, 8]", "f32[1, 7, 6]", "_", "f32[1, 7, 2]", "f32[1, 7, 1]"},
     2},
    {"delta, large heads",
     attention(StateUpdate::delta, 4, 2),
     {"f32[1, 3, 280]", "f32[1, 3, 140]", "f32[1, 3, 66]", "f32[1, 2, 70, 33]", "_",
      "f32[1, 3, 2]"},
     2},
    {"one head, in half",
     attention(StateUpdate::gated_delta, 1, 1),
     {"f16[2, 5, 8]", "f16[2, 5, 8]", "f16[2, 5, 3]", "_", "f16[2, 5, 1]", "f16[2, 5, 1]"}},
    {"linear, in double",
     attention(StateUpdate::linear),
     {"f64[1, 5, 6]", "f64[1, 5, 6]", "f64[1, 5, 8]"},
     2},
};

const Rejection rejected[] = {
    {"heads",
     attention(StateUpdate::linear, 3, 2),
     {"f32[1, 7, 9]", "f32[1, 7, 6]", "f32[1, 7, 6]"},
     "3 heads of q and 2 of k, expected a multiple"},
    {"columns",
     attention(StateUpdate::linear),
     {"f32[1, 7, 9]", "f32[1, 7, 6]", "f32[1, 7, 6]"},
     "q has 9 columns, which 2 heads do not divide"},
    {"no decay",
     attention(StateUpdate::gated),
     {"f32[1, 7, 8]", "f32[1, 7, 8]", "f32[1, 7, 6]"},
     "decay is missing"},
};

TEST(LinearAttention, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(LinearAttention, RefusesBadNodes) { expect_rejected(rejected); }

/// One step of a delta rule with rate 1 stores the value under its (unit) key.
TEST(LinearAttention, DeltaReplacesWhatTheKeyHeld) {
  const Tensor q = Tensor::from<float>({1, 2, 2}, {1, 0, 1, 0});
  const Tensor v = Tensor::from<float>({1, 2, 2}, {5, 6, 7, 8});
  const Tensor beta = Tensor::from<float>({1, 2, 1}, {1, 1});
  const LinearAttention op{.update = StateUpdate::delta, .scale = 1};
  const Tensor y = run_reference(op, {q, q, v, Tensor(), Tensor(), beta})[0];
  EXPECT_TRUE(y.identical(Tensor::from<float>({1, 2, 2}, {5, 6, 7, 8})));
}

}  // namespace
}  // namespace drawbar
