#include "targets/cpu/gemm/slices.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "targets/cpu/isa.h"
#include "tests/support/aligned.h"

namespace drawbar::cpu {
namespace {

struct Case {
  int64_t m, n, k;
};

class SlicesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (isa() < Isa::amx) GTEST_SKIP() << "this processor has only " << name(isa());
  }

  static std::vector<float> random(int64_t size, uint32_t seed) {
    std::mt19937 engine(20260611 + seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<size_t>(size));
    for (float& value : values) value = normal(engine);
    return values;
  }

  /// C [m, ldc] of A [m, k] and B [k, n]; what lies beyond n stays NaN.
  static std::vector<float> run(const Case& s, const std::vector<float>& a,
                                const std::vector<float>& b, int64_t ldc) {
    const int64_t depth = slice_steps(s.k) * kSliceDepth;
    const auto rows = aligned<std::byte>(sliced_rows_bytes(s.m, s.k));
    const auto columns = aligned<std::byte>(sliced_columns_bytes(s.k, s.n));
    const auto row = aligned<std::byte>(depth * 4);
    auto* numbers = reinterpret_cast<float*>(row.get());
    std::vector<float> scales(static_cast<size_t>(s.m));
    for (int64_t i = 0; i < s.m; ++i) {
      std::fill(numbers, numbers + depth, 0.0f);
      std::copy_n(a.begin() + i * s.k, s.k, numbers);
      scales[static_cast<size_t>(i)] = slice_row(numbers, s.k, i, rows.get());
    }
    slice_columns(b.data(), s.n, s.k, s.n, columns.get());
    std::vector<float> c(static_cast<size_t>(s.m * ldc), NAN);
    multiply_slices(
        {s.m, s.k, s.n, rows.get(), scales.data(), columns.get(), nullptr, c.data(), ldc});
    return c;
  }
};

const Case kCases[] = {{1, 1, 1},    {16, 32, 64},  {17, 33, 65},   {15, 16, 19},
                       {48, 96, 40}, {33, 5, 1000}, {100, 70, 300}, {3, 40, kMostSlicedDepth}};

TEST_F(SlicesTest, ErrByWhatTheySay) {
  for (const Case& s : kCases) {
    const auto a = random(s.m * s.k, 1), b = random(s.k * s.n, 2);
    const int64_t ldc = s.n + 3;
    const auto c = run(s, a, b, ldc);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < ldc; ++j) {
        const float got = c[static_cast<size_t>(i * ldc + j)];
        if (j >= s.n) {
          ASSERT_TRUE(std::isnan(got));
          continue;
        }
        double sum = 0, most_a = 0, most_b = 0;
        for (int64_t k = 0; k < s.k; ++k) {
          const double x = a[static_cast<size_t>(i * s.k + k)];
          const double y = b[static_cast<size_t>(k * s.n + j)];
          sum += x * y;
          most_a = std::max(most_a, std::fabs(x));
          most_b = std::max(most_b, std::fabs(y));
        }
        // The bound for each product, and a few roundings at the end.
        const double bound = std::ldexp(most_a * most_b * static_cast<double>(s.k), -22);
        ASSERT_NEAR(got, sum, bound + std::ldexp(std::fabs(sum), -21))
            << s.m << " x " << s.n << " x " << s.k << " at " << i << ", " << j;
      }
    }
  }
}

TEST_F(SlicesTest, LargestNumbersDoNotOverflow) {
  const Case s{16, 32, kMostSlicedDepth};
  const std::vector<float> a(static_cast<size_t>(s.m * s.k), -3.0f);
  const std::vector<float> b(static_cast<size_t>(s.k * s.n), 2.0f);
  for (float got : run(s, a, b, s.n)) ASSERT_NEAR(got, -6.0f * static_cast<float>(s.k), 0.1f);
}

TEST_F(SlicesTest, RowsAndColumnsThatAreNoNumbers) {
  const Case s{16, 32, 70};
  auto a = random(s.m * s.k, 1), b = random(s.k * s.n, 2);
  a[3 * 70 + 69] = std::numeric_limits<float>::infinity();
  a[5 * 70 + 1] = NAN;
  b[12 * 32 + 9] = -NAN;
  b[12 * 32 + 8] = -std::numeric_limits<float>::infinity();
  for (int64_t k = 0; k < s.k; ++k) a[static_cast<size_t>(7 * s.k + k)] = 1e-38f;
  const auto c = run(s, a, b, s.n);
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      const float got = c[static_cast<size_t>(i * s.n + j)];
      if (i == 3 || i == 5 || j == 8 || j == 9) {
        EXPECT_TRUE(std::isnan(got)) << i << ", " << j;
      } else if (i == 7) {
        EXPECT_EQ(got, 0);
      } else {
        EXPECT_TRUE(std::isfinite(got)) << i << ", " << j;
      }
    }
  }
}

}  // namespace
}  // namespace drawbar::cpu
