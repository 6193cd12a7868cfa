#include <cmath>

#include "ops/cast/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::BitCast;
using ops::Cast;
using enum ElementType;

const OpCase cases[] = {
    {"f32 to f16", Cast{f16}, {"f32[7, 129]"}},
    {"f16 to f32", Cast{f32}, {"f16[13, 17]"}},
    {"f32 to bf16", Cast{bf16}, {"f32[127]"}},
    {"bf16 to f32", Cast{f32}, {"bf16[129]"}},
    {"f32 to f64", Cast{f64}, {"f32[129]"}},
    {"f64 to f32", Cast{f32}, {"f64[129]"}},
    {"f32 to i32", Cast{i32}, {"f32[127]"}, 1, -1000, 1000},
    {"f32 to i64", Cast{i64}, {"f32[129]"}, 1, -1000, 1000},
    {"f32 to i64, out of range", Cast{i64}, {"f32[4] = [1e30, -1e30, 9.2e18, -9.2e18]"}},
    {"f32 to i32, out of range",
     Cast{i32},
     {"f32[4] = [1e30, -1e30, 2147483648.0, -2147483648.0]"}},
    {"f32 to u8", Cast{u8}, {"f32[127]"}, 1, 0, 255},
    {"f32 to i8", Cast{i8}, {"f32[127]"}, 1, -128, 127},
    {"f32 to bool", Cast{boolean}, {"f32[5] = [0.0, -0.0, 1e-40, -1.0, 2.0]"}},
    {"i32 to f32", Cast{f32}, {"i32[129]"}, 1, -1000, 1000},
    {"i64 to f32", Cast{f32}, {"i64[129]"}, 1, -1000, 1000},
    {"u8 to f32", Cast{f32}, {"u8[3, 43]"}, 1, 0, 255},
    {"i8 to f32", Cast{f32}, {"i8[3, 43]"}, 1, -128, 127},
    {"bool to f32", Cast{f32}, {"bool[13]"}},
    {"i64 to i32", Cast{i32}, {"i64[3] = [5000000000, -1, 7]"}},
    {"i32 to i64", Cast{i64}, {"i32[3] = [-2147483648, -1, 7]"}},
    {"f64 to f16", Cast{f16}, {"f64[131]"}},
    {"f64 to bf16", Cast{bf16}, {"f64[131]"}},
    {"f64 to u64", Cast{u64}, {"f64[5] = [1e19, 9.3e18, 3.7, 0.0, 1.5]"}},
    {"f32 to u32", Cast{u32}, {"f32[4] = [4e9, 3.7, 0.0, 2147483648.0]"}},
    {"f32 to i16, out of range", Cast{i16}, {"f32[4] = [70000.7, -70000.7, 3e10, 1.5]"}},
    {"bf16 to f16", Cast{f16}, {"bf16[33]"}},
    {"f16 to i32", Cast{i32}, {"f16[33]"}, 1, -1000, 1000},
    {"f16 to bool", Cast{boolean}, {"f16[3] = [0.0, -0.0, 0.25]"}},
    {"i64 to f16", Cast{f16}, {"i64[33]"}, 1, -1000, 1000},
    {"u8 to i8", Cast{i8}, {"u8[33]"}, 1, 0, 255},
    {"bool to f16", Cast{f16}, {"bool[33]"}},
    {"image to halves", Cast{f16}, {"f32[2, 3, 5, 7]"}},
    {"f8 as it is", Cast{f8e4m3fn}, {"f8e4m3fn[33]"}},
    {"i64 to u4", Cast{u4}, {"i64[5] = [0, 3, 15, 9, 1]"}},
    {"i4 to f32", Cast{f32}, {"i4[7]"}, 1, -8, 7},
    {"f32 to f8", Cast{f8e4m3fn}, {"f32[129]"}, 1, -500, 500},
    {"same type", Cast{f32}, {"f32[7]"}},
    {"scalar", Cast{i64}, {"f32[]"}},
    {"empty", Cast{f16}, {"f32[0, 3]"}},
    {"bits", BitCast{i32}, {"f32[7]"}},
};

const Rejection rejected[] = {
    {"complex", Cast{f32}, {"c64[2]"}, "cannot cast c64 to f32"},
    {"other width", BitCast{i64}, {"f32[2]"}, "cannot read the bits of f32 as i64"},
};

TEST(Cast, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Cast, RefusesBadNodes) { expect_rejected(rejected); }

std::string as_text(const Tensor& x) {
  return run_reference(Cast{string}, {x})[0].data<std::string>()[0];
}

TEST(Cast, WritesNumbersThatReadBack) {
  EXPECT_EQ(as_text(Tensor::scalar(1.0f)), "1.0");
  EXPECT_EQ(as_text(Tensor::scalar(0.1f)), "0.1");
  EXPECT_EQ(as_text(Tensor::scalar(-1e-5f)), "-1e-05");
  EXPECT_EQ(as_text(Tensor::scalar(std::nanf(""))), "nan");
  EXPECT_EQ(as_text(Tensor::scalar(uint64_t{18446744073709551615u})), "18446744073709551615");
}

TEST(Cast, ReadsNumbersAndRefusesOtherText) {
  const auto number = [](const char* text) {
    return run_reference(Cast{f32}, {Tensor::scalar(std::string(text))})[0].data<float>()[0];
  };
  EXPECT_EQ(number("1e-3"), 1e-3f);
  EXPECT_EQ(number("+INF"), INFINITY);
  EXPECT_EQ(number("1e999"), INFINITY);
  EXPECT_TRUE(std::isnan(number("NaN")));
  for (const char* text : {"", "+", "+-1", "1x", "one", " 1"}) EXPECT_THROW(number(text), Error);
}

TEST(Cast, RoundsDoublesToHalvesOnce) {
  // Just above the middle of two halves, and in the middle once rounded to float.
  const double value = 1.0 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(run_reference(Cast{f16}, {Tensor::scalar(value)})[0].data<Float16>()[0].bits, 0x3c01);
}

TEST(Cast, RoundsPowersOfTwoAsAsked) {
  const auto code = [](float value, ops::PowerRounding rounding) {
    const Tensor y = run_reference(Cast{f8e8m0, true, rounding}, {Tensor::scalar(value)})[0];
    return static_cast<int>(static_cast<const uint8_t*>(y.raw())[0]) - 127;
  };
  EXPECT_EQ(code(1.25f, ops::PowerRounding::up), 1);
  EXPECT_EQ(code(1.25f, ops::PowerRounding::down), 0);
  EXPECT_EQ(code(1.25f, ops::PowerRounding::nearest), 0);
  EXPECT_EQ(code(1.5f, ops::PowerRounding::nearest), 1);
}

}  // namespace
}  // namespace drawbar
