#include "ops/attention/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Attention;
using ops::AttentionScores;

const Attention heads_last{
    .q_heads_last = true, .k_heads_last = true, .v_heads_last = true, .y_heads_last = true};

const OpCase cases[] = {
    {"plain", Attention{}, {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 5]"}},
    {"bert", Attention{}, {"f32[1, 2, 129, 64]", "f32[1, 2, 129, 64]", "f32[1, 2, 129, 64]"}},
    {"heads last", heads_last, {"f32[2, 13, 3, 8]", "f32[2, 17, 3, 8]", "f32[2, 17, 3, 16]"}},
    {"mixed",
     Attention{.k_heads_last = true, .y_heads_last = true},
     {"f32[2, 3, 13, 8]", "f32[2, 17, 3, 8]", "f32[2, 3, 17, 33]"}},
    {"many keys", Attention{}, {"f32[1, 1, 7, 16]", "f32[1, 1, 600, 16]", "f32[1, 1, 600, 17]"}},
    {"many queries",
     Attention{.scale = 0.5f},
     {"f32[1, 1, 300, 16]", "f32[1, 1, 33, 16]", "f32[1, 1, 33, 16]"}},
    {"causal",
     Attention{.causal = true},
     {"f32[2, 2, 130, 16]", "f32[2, 2, 130, 16]", "f32[2, 2, 130, 16]"}},
    {"causal, long",
     Attention{.causal = true},
     {"f32[1, 1, 300, 8]", "f32[1, 1, 300, 8]", "f32[1, 1, 300, 8]"}},
    {"decoding",
     Attention{.causal = true},
     {"f32[2, 8, 1, 16]", "f32[2, 2, 130, 16]", "f32[2, 2, 130, 16]", "_", "_", "i64[1] = [129]"}},
    {"decoding, heads last",
     heads_last,
     {"f32[2, 1, 8, 16]", "f32[2, 130, 2, 16]", "f32[2, 130, 2, 16]"}},
    {"three queries", Attention{}, {"f32[1, 4, 3, 16]", "f32[1, 4, 65, 16]", "f32[1, 4, 65, 16]"}},
    {"grouped heads", Attention{}, {"f32[1, 6, 13, 16]", "f32[1, 2, 65, 16]", "f32[1, 2, 65, 16]"}},
    {"padding mask",
     Attention{},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 8]", "f32[2, 1, 1, 7]"}},
    {"full mask",
     Attention{},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 13, 7]"}},
    {"mask of heads",
     Attention{},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 8]", "f32[3, 1, 7]"}},
    {"short mask",
     Attention{},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 8]", "f32[13, 5]"}},
    {"bool mask",
     Attention{},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 33, 8]", "f32[2, 3, 33, 8]", "bool[13, 33]"},
     1,
     0,
     2},
    {"nothing attended",
     Attention{},
     {"f32[1, 1, 2, 4]", "f32[1, 1, 3, 4]", "f32[1, 1, 3, 4]", "bool[2, 3] = [0, 0, 0, 1, 0, 1]"}},
    {"lengths and offsets",
     Attention{.causal = true},
     {"f32[2, 3, 5, 8]", "f32[2, 3, 40, 8]", "f32[2, 3, 40, 8]", "_", "i64[2] = [17, 3]",
      "i64[2] = [12, -2]"}},
    {"windows",
     Attention{.left_window = 3, .right_window = 2},
     {"f32[1, 2, 40, 8]", "f32[1, 2, 40, 8]", "f32[1, 2, 40, 8]"}},
    {"soft cap",
     Attention{.scale = 3, .softcap = 2},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 37, 8]", "f32[2, 3, 37, 8]"}},
    {"probabilities",
     Attention{.scores = AttentionScores::probabilities},
     {"f32[2, 3, 13, 8]", "f32[2, 3, 7, 8]", "f32[2, 3, 7, 8]"},
     2},
    {"half", Attention{}, {"f16[1, 2, 5, 8]", "f16[1, 2, 7, 8]", "f16[1, 2, 7, 8]"}},
    {"no queries", Attention{}, {"f32[1, 2, 0, 8]", "f32[1, 2, 7, 8]", "f32[1, 2, 7, 8]"}},
    {"no keys", Attention{}, {"f32[1, 2, 3, 8]", "f32[1, 2, 0, 8]", "f32[1, 2, 0, 8]"}},
};

const Rejection rejected[] = {
    {"rank", Attention{}, {"f32[2, 3, 8]", "f32[2, 3, 8]", "f32[2, 3, 8]"}, "q has rank 3"},
    {"heads",
     Attention{},
     {"f32[1, 5, 3, 8]", "f32[1, 2, 7, 8]", "f32[1, 2, 7, 8]"},
     "q has 5 heads, which k's 2 do not divide"},
    {"sizes",
     Attention{},
     {"f32[1, 2, 3, 8]", "f32[1, 2, 7, 4]", "f32[1, 2, 7, 8]"},
     "head sizes of q and k: 8 and 4 differ"},
    {"mask",
     Attention{},
     {"f32[1, 2, 3, 8]", "f32[1, 2, 7, 8]", "f32[1, 2, 7, 8]", "f32[4, 7]"},
     "mask has shape [4, 7], expected [1, 2, 3, 7]"},
    {"element types",
     Attention{},
     {"f32[1, 2, 3, 8]", "f16[1, 2, 7, 8]", "f32[1, 2, 7, 8]"},
     "k is f16, expected q's type"},
    {"window",
     Attention{.left_window = -2},
     {"f32[1, 2, 3, 8]", "f32[1, 2, 7, 8]", "f32[1, 2, 7, 8]"},
     "left_window -2"},
};

TEST(Attention, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Attention, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
