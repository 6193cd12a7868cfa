#include "targets/cpu/gemm/split.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace drawbar::cpu {
namespace {

std::vector<float> random_vector(int64_t size, uint32_t seed) {
  std::mt19937 engine(20240607 + seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = normal(engine);
  return values;
}

/// A product of `taps` runs of k, its rows given by pointers where there are several.
struct Case {
  int64_t m, n, k, taps = 1;

  int64_t length() const { return k * taps; }
  float a(const std::vector<float>& values, int64_t i, int64_t j) const {
    return values[static_cast<size_t>(i * length() + j)];
  }
};

class SplitTest : public testing::Test {
 protected:
  void SetUp() override {
    if (isa() < Isa::amx) GTEST_SKIP() << "this processor has only " << name(isa());
  }

  /// C of the case, formed on the tile unit or by vectors, from `c`.
  static std::vector<float> run(const Case& s, const std::vector<float>& a,
                                const std::vector<float>& b, std::vector<float> c, int64_t ldc,
                                const Epilogue& epilogue, bool split, int threads = 1) {
    std::vector<float> packed(
        static_cast<size_t>(packed_bytes(s.length(), s.n, Isa::amx) / 4 + 16));
    auto* aligned =
        reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(packed.data()) + 63) / 64 * 64);
    const PackedMatrix matrix = pack(b.data(), s.n, false, s.length(), s.n, Isa::amx, aligned);
    const auto fill = [&](int64_t row, int64_t rows, const float** list) {
      for (int64_t t = 0; t < s.taps; ++t) {
        for (int64_t r = 0; r < rows; ++r)
          list[t * rows + r] = a.data() + (row + r) * s.length() + t * s.k;
      }
    };
    const IndirectRows rows{s.taps, s.k, fill};
    Product p;
    if (s.taps == 1) {
      p.a = a.data();
      p.lda = s.k;
    } else {
      p.indirect = &rows;
      p.taps = s.taps;
    }
    p.k = s.k;
    p.b = &matrix;
    p.c = c.data();
    p.ldc = ldc;
    p.epilogue = &epilogue;
    p.split = split;
    std::vector<const float*> list(static_cast<size_t>((s.m + 384) * s.taps * threads));
    ThreadPool pool(threads);
    run_product(p, s.m, list.data(), &pool);
    return c;
  }
};

const Case kCases[] = {{16, 32, 32},    {1, 1, 1},        {17, 33, 31},     {31, 17, 33},
                       {49, 64, 64},    {100, 100, 100},  {33, 5, 400},     {128, 96, 768},
                       {40, 70, 1000},  {300, 40, 384},   {700, 33, 96},    {50, 40, 64, 9},
                       {37, 20, 3, 49}, {20, 33, 100, 5}, {20, 33, 500, 3}, {65, 600, 256}};

TEST_F(SplitTest, SumsAreAsExactAsThoseOfVectors) {
  for (const Case& s : kCases) {
    const auto a = random_vector(s.m * s.length(), 1), b = random_vector(s.length() * s.n, 2);
    const std::vector<float> zeros(static_cast<size_t>(s.m * s.n));
    const auto got = run(s, a, b, zeros, s.n, {}, true);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < s.length(); ++k) {
          const double product =
              static_cast<double>(s.a(a, i, k)) * b[static_cast<size_t>(k * s.n + j)];
          sum += product;
          size += std::fabs(product);
        }
        ASSERT_LE(std::fabs(got[static_cast<size_t>(i * s.n + j)] - sum), 0x1p-21 * size)
            << s.m << " x " << s.n << " x " << s.k << " x " << s.taps << " at " << i << ", " << j;
      }
    }
  }
}

TEST_F(SplitTest, DoesWhatVectorsDoBehindTheSums) {
  for (const Case& s : kCases) {
    const auto a = random_vector(s.m * s.length(), 1), b = random_vector(s.length() * s.n, 2);
    const auto bias = random_vector(s.n, 3), residual = random_vector(s.m * s.n, 4);
    const int64_t ldc = s.n + 3;
    const auto before = random_vector(s.m * ldc, 5);
    for (int activation = 0; activation < 4; ++activation) {
      Epilogue epilogue;
      epilogue.activation = static_cast<Activation>(activation);
      epilogue.alpha = activation == 2 ? 0.1f : -0.5f;
      epilogue.beta = 6;
      if (activation % 2 == 0) epilogue.bias = bias.data();
      if (activation >= 2) epilogue.residual = residual.data();
      epilogue.residual_ld = s.n;
      epilogue.accumulate = activation == 1;
      const auto number = [&](float* c, int64_t ld, int64_t row, int64_t column, int64_t rows,
                              int64_t columns) {
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t j = 0; j < columns; ++j) {
            c[i * ld + j] += static_cast<float>((row + i) % 7 + (column + j) % 5);
          }
        }
      };
      const TileHook hook(number);
      if (activation == 3) epilogue.hook = &hook;
      const auto want = run(s, a, b, before, ldc, epilogue, false);
      const auto got = run(s, a, b, before, ldc, epilogue, true);
      EXPECT_EQ(run(s, a, b, before, ldc, epilogue, true, 3), got) << "threads change the sums";
      const double most = 1e-6 * static_cast<double>(s.length()) + 1e-5;
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], most)
            << s.m << " x " << s.n << " x " << s.k << " x " << s.taps << ", " << activation;
      }
    }
  }
}

TEST_F(SplitTest, InfinitiesAndNansGoWhereTheyShould) {
  const Case s{40, 40, 100};
  auto a = random_vector(s.m * s.k, 1), b = random_vector(s.k * s.n, 2);
  const float infinity = std::numeric_limits<float>::infinity();
  a[3 * 100 + 7] = infinity;
  a[5 * 100 + 9] = std::numeric_limits<float>::quiet_NaN();
  a[20 * 100] = std::numeric_limits<float>::max();
  a[21 * 100] = -std::numeric_limits<float>::max();
  b[50 * 40 + 33] = -infinity;
  const std::vector<float> zeros(static_cast<size_t>(s.m * s.n));
  const auto want = run(s, a, b, zeros, s.n, {}, false), got = run(s, a, b, zeros, s.n, {}, true);
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(std::isnan(got[i]), std::isnan(want[i])) << i;
    if (std::isinf(want[i])) {
      ASSERT_EQ(got[i], want[i]) << i;
    }
    if (!std::isfinite(want[i])) continue;
    ASSERT_NEAR(got[i], want[i], 1e-5 + 1e-6 * std::fabs(want[i])) << i;
  }
}

TEST_F(SplitTest, PaysForLargeProductsAlone) {
  EXPECT_TRUE(split_pays(128, 768, 768, Isa::amx));
  EXPECT_FALSE(split_pays(128, 768, 768, Isa::avx512));
  EXPECT_FALSE(split_pays(1, 4096, 4096, Isa::amx));
  EXPECT_FALSE(split_pays(3136, 64, 64, Isa::amx));
  EXPECT_FALSE(split_pays(3136, 16, 1024, Isa::amx));
}

}  // namespace
}  // namespace drawbar::cpu
