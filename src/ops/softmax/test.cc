#include "ops/softmax/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Hardmax;
using ops::Softmax;

const OpCase cases[] = {
    {"last axis", Softmax{}, {"f32[3, 127]"}},
    {"one line", Softmax{}, {"f32[1, 1, 129]"}},
    {"channels", Softmax{.axis = 1}, {"f32[2, 13, 7, 5]"}},
    {"log", Softmax{.log = true}, {"f32[13, 7]"}},
    {"double", Softmax{.axis = 0}, {"f64[7, 3]"}},
    {"half", Softmax{}, {"f16[7, 33]"}},
    {"empty", Softmax{}, {"f32[0, 4]"}},
    {"attention", Softmax{}, {"f32[2, 3, 33, 128]"}},
    {"one element", Softmax{}, {"f32[7, 1]"}},
    {"scalar", Softmax{}, {"f32[]"}},
    {"wide range", Softmax{}, {"f32[13, 257]"}, 1, -200, 200},
    {"first axis", Softmax{.axis = 0}, {"f32[127, 33]"}},
    {"log, channels", Softmax{.axis = 1, .log = true}, {"f32[2, 21, 7, 5]"}},
    {"log, wide range", Softmax{.log = true}, {"f32[13, 257]"}, 1, -200, 200},
    {"half, even", Softmax{}, {"f16[5, 768]"}},
    {"half, long", Softmax{}, {"f16[2, 4096]"}},
    {"bfloat16", Softmax{.log = true}, {"bf16[3, 1000]"}},
    {"masked", Softmax{}, {"f32[7] = [-inf, -inf, 1, -inf, 2, -inf, -inf]"}},
    {"longer than a block holds", Softmax{}, {"f32[2, 16388]"}, 1, -20, 20},
    {"longer than a block holds, odd", Softmax{.log = true}, {"f16[1, 16385]"}},
    {"half, channels", Softmax{.axis = 1}, {"f16[2, 4, 6, 8]"}},
    {"bfloat16, first axis", Softmax{.axis = 0}, {"bf16[70, 40]"}},
    {"middle axis", Softmax{.axis = -2}, {"f64[3, 66, 5]"}},
    {"half, pixels", Softmax{.axis = 2}, {"f16[2, 8, 3, 4]"}},
    {"hard", Hardmax{}, {"f32[13, 7]"}},
    {"hard, half", Hardmax{}, {"f16[3, 127]"}},
    {"hard, channels", Hardmax{.axis = 1}, {"f32[2, 13, 5]"}},
};

const Rejection rejected[] = {
    {"axis out of range", Softmax{.axis = 2}, {"f32[3, 4]"}, "axis is 2, expected -2 to 1"},
    {"integers", Softmax{}, {"i64[3]"}, "x is i64, expected a float type"},
};

TEST(Softmax, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Softmax, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Softmax, MaskedPositionsAreExactlyZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from<float>({4}, {1, -infinity, 1, -infinity});
  const Tensor y = run_reference(Softmax{}, {x})[0];
  EXPECT_EQ(y.data<float>()[0], 0.5f);
  EXPECT_EQ(y.data<float>()[1], 0.0f);
}

}  // namespace
}  // namespace drawbar
