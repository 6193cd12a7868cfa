#include <gtest/gtest.h>

#include "ops/label_encoder/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::LabelEncoder;

const OpCase cases[] = {
    {"strings to integers",
     LabelEncoder{},
     {"string[13]", "string[3] = [\"s1\", \"s4\", \"s7\"]", "i64[3] = [10, 40, 70]",
      "i64[1] = [-1]"}},
    {"integers to strings",
     LabelEncoder{},
     {"i64[2, 7]", "i64[2] = [-3, 2]", "string[2] = [\"a\", \"b\"]", "string[1] = [\"none\"]"}},
    {"floats", LabelEncoder{}, {"f32[]", "f32[1] = [0.5]", "f64[1] = [2.5]", "f64[1] = [-0.0]"}},
    {"doubles", LabelEncoder{}, {"f64[129]", "f64[1] = [0.5]", "i16[1] = [7]", "i16[1] = [-1]"}},
    {"small integers",
     LabelEncoder{},
     {"i16[127]", "i16[3] = [-1, 0, 1]", "f32[3] = [0.5, 1.5, 2.5]", "f32[1] = [9.0]"}},
    {"i32", LabelEncoder{}, {"i32[1]", "i32[0] = []", "i32[0] = []", "i32[1] = [3]"}},
    {"no elements", LabelEncoder{}, {"i64[0]", "i64[1] = [1]", "i64[1] = [2]"}},
};

const Rejection rejected[] = {
    {"types",
     LabelEncoder{},
     {"i32[3]", "i64[1] = [1]", "i64[1] = [2]"},
     "x is i32, the keys are i64"},
    {"lengths", LabelEncoder{}, {"i64[3]", "i64[1] = [1]", "i64[2] = [2, 3]"}, "keys and values"},
    {"a key type", LabelEncoder{}, {"u8[3]", "u8[1] = [1]", "i64[1] = [2]"}, "keys of u8"},
    {"fallback's type",
     LabelEncoder{},
     {"i64[3]", "i64[1] = [1]", "i64[1] = [2]", "f32[1] = [0.5]"},
     "the fallback is f32, the values are i64"},
    {"fallback's size",
     LabelEncoder{},
     {"i64[3]", "i64[1] = [1]", "i64[1] = [2]", "i64[2] = [1, 2]"},
     "the fallback's size"},
};

TEST(LabelEncoder, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(LabelEncoder, RefusesBadNodes) { expect_rejected(rejected); }

TEST(LabelEncoder, LooksUp) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::from<float>({5}, {-0.0f, 1, 2, nan, -nan});
  const Tensor keys = Tensor::from<float>({4}, {0, 2, 2, nan});
  const Tensor values = Tensor::from<std::string>({4}, {"zero", "two", "other two", "none"});
  const Tensor fallback = Tensor::from<std::string>({1}, {"?"});
  const Tensor y = run_reference(LabelEncoder{}, {x, keys, values, fallback})[0];
  const std::vector<std::string> want = {"zero", "?", "other two", "none", "none"};
  EXPECT_TRUE(std::equal(want.begin(), want.end(), y.data<std::string>()));
}

TEST(LabelEncoder, WithoutAFallbackAnUnknownKeyIsAnError) {
  const Tensor key = Tensor::from<int64_t>({1}, {4});
  EXPECT_EQ(run_reference(LabelEncoder{}, {key, key, key})[0].data<int64_t>()[0], 4);
  EXPECT_THROW(run_reference(LabelEncoder{}, {Tensor::from<int64_t>({1}, {5}), key, key}), Error);
}

}  // namespace
}  // namespace drawbar
