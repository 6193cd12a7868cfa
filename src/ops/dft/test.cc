#include <cmath>

#include "ops/dft/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Dft;

constexpr Dft inverse{.inverse = true}, onesided{.onesided = true};
constexpr Dft half{.inverse = true, .onesided = true};

std::vector<OpCase> cases() {
  std::vector<OpCase> all = {
      {"axis 0", Dft{.axis = 0}, {"f32[129, 7, 2]"}},
      {"axis 1 of three", Dft{.axis = 1}, {"f32[3, 13, 7, 2]"}},
      {"axis as input", Dft{}, {"f32[3, 13, 7, 2]", "_", "i64[] = [-3]"}},
      {"real, axis 0", Dft{.axis = 0}, {"f32[12, 17, 1]"}},
      {"real, odd, axis 0", Dft{.axis = 0}, {"f32[13, 17, 1]"}},
      {"onesided, axis 0", Dft{.onesided = true, .axis = 0}, {"f32[12, 17, 1]"}},
      {"half, axis 0", Dft{.inverse = true, .onesided = true, .axis = 0}, {"f32[7, 17, 2]"}},
      {"half, odd, axis 0",
       Dft{.inverse = true, .onesided = true, .axis = 0},
       {"f32[7, 17, 2]", "i64[] = [13]"}},
      {"zeros behind", Dft{}, {"f32[5, 7, 2]", "i64[] = [12]"}},
      {"cut", Dft{}, {"f32[5, 13, 2]", "i32[1] = [7]"}},
      {"real, zeros behind", Dft{}, {"f32[18, 7, 1]", "i64[] = [12]"}},
      {"real, odd number given", onesided, {"f32[18, 11, 1]", "i64[] = [12]"}},
      {"real, odd, cut", onesided, {"f32[18, 14, 1]", "i64[] = [13]"}},
      {"half, points cut", half, {"f32[5, 13, 2]", "i64[] = [8]"}},
      {"half, zeros behind", half, {"f32[5, 3, 2]", "i64[] = [12]"}},
      {"inverse of a real line", inverse, {"f32[5, 12, 1]"}},
      {"inverse of an odd real line", inverse, {"f32[5, 13, 1]"}},
      {"many lines", Dft{}, {"f32[2, 65, 24, 2]"}},
      {"no lines", Dft{}, {"f32[0, 7, 2]"}},
      {"no points", Dft{}, {"f32[3, 0, 2]"}},
      {"onesided, no points", onesided, {"f32[3, 0, 1]"}},
      {"no points but zeros", Dft{}, {"f32[3, 0, 2]", "i64[] = [5]"}},
      {"large", Dft{}, {"f32[1, 4096, 2]"}},
      {"large prime", Dft{}, {"f32[3, 4099, 2]"}},
      {"large prime, real", onesided, {"f32[17, 4099, 1]"}},
      {"half of a prime's double", half, {"f32[3, 1014, 2]"}},
      {"half precision", Dft{}, {"f16[3, 13, 2]"}},
      {"bf16", onesided, {"bf16[3, 12, 1]"}},
  };
  for (const int64_t n : {1, 2, 3, 4, 5, 6, 7, 12, 13, 30, 61, 64, 67, 127, 128, 129, 400}) {
    for (const std::string type : {"f32", "f64"}) {
      const auto add = [&](const char* what, Dft op, int64_t points, int parts) {
        all.push_back({fmt::format("{} {} {}", type, what, n),
                       op,
                       {fmt::format("{}[19, {}, {}]", type, points, parts)}});
      };
      add("complex", Dft{}, n, 2);
      add("inverse", inverse, n, 2);
      add("real", Dft{}, n, 1);
      add("onesided", onesided, n, 1);
      if (n % 2 == 0) add("half", half, n / 2 + 1, 2);
    }
  }
  for (OpCase& c : all) c.atol = 5e-5;  // of sums of up to 4099 numbers below 1
  return all;
}

const Rejection rejected[] = {
    {"vector", Dft{}, {"f32[2]"}, "x has rank 1, expected at least 2"},
    {"integers", Dft{}, {"i32[7, 2]"}, "x is i32, expected f16, bf16, f32 or f64"},
    {"three parts", Dft{}, {"f32[7, 3]"}, "last dimension of x is 3, expected 1 (real) or 2"},
    {"onesided, complex", onesided, {"f32[7, 2]"}, "last dimension of x is 2, expected 1 (real)"},
    {"half, real", half, {"f32[7, 1]"}, "last dimension of x is 1, expected 2 (complex)"},
    {"last axis",
     Dft{.axis = -1},
     {"f32[7, 2]"},
     "axis is -1, the dimension of real and imaginary"},
    {"axis", Dft{.axis = 2}, {"f32[7, 2]"}, "axis is 2, expected -2 to 1"},
    {"axis input", Dft{}, {"f32[7, 2]", "_", "i64[] = [-3]"}, "axis is -3, expected -2 to 1"},
    {"two axes", Dft{}, {"f32[7, 2]", "_", "i64[2]"}, "axis has shape [2], expected one number"},
    {"axis of floats", Dft{}, {"f32[7, 2]", "_", "f32[]"}, "axis is f32, expected i32 or i64"},
    {"length 0", Dft{}, {"f32[7, 2]", "i64[] = [0]"}, "dft_length is 0, expected at least 1"},
    {"negative length", Dft{}, {"f32[7, 2]", "i64[] = [-9223372036854775808]"}, "dft_length is -9"},
    {"huge length", Dft{}, {"f32[7, 2]", "i64[] = [9223372036854775807]"}, "at most 16777216"},
    {"half of one point",
     half,
     {"f32[1, 2]"},
     "x has 1 points along the axis, expected at least 2"},
};

TEST(Dft, AgreesOnEveryTarget) { expect_targets_agree(cases()); }
TEST(Dft, RefusesBadNodes) { expect_rejected(rejected); }

void expect_values(const Tensor& got, std::vector<float> want) {
  ASSERT_EQ(got.size(), static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got.data<float>()[i], want[i], 1e-6) << i;
}

/// 1 2 3 4: sums 10, -2 ± 2i, -2.
TEST(Dft, FollowsTheDefinition) {
  const Tensor x = Tensor::from<float>({1, 4, 1}, {1, 2, 3, 4});
  expect_values(run_reference(Dft{}, {x})[0], {10, 0, -2, 2, -2, 0, -2, -2});
  const Tensor spectrum = run_reference(onesided, {x})[0];
  expect_values(spectrum, {10, 0, -2, 2, -2, 0});
  expect_values(run_reference(half, {spectrum})[0], {1, 2, 3, 4});
  expect_values(run_reference(half, {spectrum, Tensor::scalar<int64_t>(2)})[0], {4, 6});
}

/// What should be real in a real signal's spectrum counts as real.
TEST(Dft, IgnoresImaginaryPartsOfRealPoints) {
  const Tensor x = Tensor::from<float>({1, 3, 2}, {10, 7, -2, 2, -2, 9});
  expect_values(run_reference(half, {x})[0], {1, 2, 3, 4});
}

TEST(Dft, ChecksLengthsWhileRunning) {
  const Tensor x = Tensor::allocate(ElementType::f32, {1, 4, 2});
  try {
    run_reference(Dft{}, {x, Tensor::scalar<int64_t>(-1)});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_NE(error.message().find("dft_length is -1"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace drawbar
