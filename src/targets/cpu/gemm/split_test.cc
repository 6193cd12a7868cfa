#include "targets/cpu/gemm/split.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "targets/cpu/gemm/tile_sums.h"

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

const Case kCases[] = {{16, 32, 32},    {1, 1, 1},        {17, 33, 31},     {31, 17, 33},
                       {49, 64, 64},    {100, 100, 100},  {33, 5, 400},     {128, 96, 768},
                       {40, 70, 1000},  {300, 40, 384},   {700, 33, 96},    {50, 40, 64, 9},
                       {37, 20, 3, 49}, {20, 33, 100, 5}, {20, 33, 500, 3}, {20, 33, 800, 3},
                       {65, 600, 256}};

/// B's numbers are cut into three parts while running, into two, or into two beforehand.
enum class Cut { three, two, before };

class SplitTest : public testing::TestWithParam<Cut> {
 protected:
  void SetUp() override {
    if (isa() < Isa::amx) GTEST_SKIP() << "this processor has only " << name(isa());
  }

  static bool exact() { return GetParam() == Cut::three; }

  /// The cases whose B can come so.
  static std::vector<Case> cases() {
    std::vector<Case> result;
    for (const Case& s : kCases) {
      const bool whole_steps = s.taps == 1 || s.k % kTileDepth == 0;
      if (GetParam() != Cut::before || whole_steps) result.push_back(s);
    }
    return result;
  }

  /// How C is formed: by the tile unit, by vectors, or by them sum by sum.
  enum class By { tiles, vectors, sums };

  /// C of the case, from `c`.
  static std::vector<float> run(const Case& s, const std::vector<float>& a,
                                const std::vector<float>& b, std::vector<float> c, int64_t ldc,
                                const Epilogue& epilogue, By by, int threads = 1) {
    const bool tiles = GetParam() == Cut::before && by != By::vectors;
    const int64_t bytes = packed_bytes(s.length(), s.n, Isa::amx, ElementType::f32, tiles);
    std::vector<float> packed(static_cast<size_t>(bytes / 4 + 16));
    auto* aligned =
        reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(packed.data()) + 63) / 64 * 64);
    PackedMatrix matrix =
        pack(b.data(), s.n, false, s.length(), s.n, Isa::amx, aligned, nullptr, tiles);
    matrix.exact = exact();
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
    p.split = by == By::tiles;
    std::vector<const float*> list(static_cast<size_t>((s.m + 384) * s.taps * threads));
    if (by == By::sums) {
      p.blocking = choose_split_blocking(s.m, s.n, s.taps, s.k, 1, matrix.tile_parts());
      fill(0, s.m, list.data());
      form_block_again(p, 0, s.m, 0, divide_up(s.n, kTilePanel), list.data());
      return c;
    }
    ThreadPool pool(threads);
    run_product(p, s.m, list.data(), &pool);
    return c;
  }
};

TEST_P(SplitTest, SumsAreAsExactAsPromised) {
  const double most = exact() ? 0x1p-21 : 0x1p-16;  // a sum in f32 adds some
  for (const Case& s : cases()) {
    const auto a = random_vector(s.m * s.length(), 1), b = random_vector(s.length() * s.n, 2);
    const std::vector<float> zeros(static_cast<size_t>(s.m * s.n));
    const auto got = run(s, a, b, zeros, s.n, {}, By::tiles);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < s.length(); ++k) {
          const double product =
              static_cast<double>(s.a(a, i, k)) * b[static_cast<size_t>(k * s.n + j)];
          sum += product;
          size += std::fabs(product);
        }
        ASSERT_LE(std::fabs(got[static_cast<size_t>(i * s.n + j)] - sum), most * size)
            << s.m << " x " << s.n << " x " << s.k << " x " << s.taps << " at " << i << ", " << j;
      }
    }
  }
}

TEST_P(SplitTest, DoesWhatVectorsDoBehindTheSums) {
  for (const Case& s : cases()) {
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
      const auto want = run(s, a, b, before, ldc, epilogue, By::vectors);
      const auto got = run(s, a, b, before, ldc, epilogue, By::tiles);
      EXPECT_EQ(run(s, a, b, before, ldc, epilogue, By::tiles, 3), got)
          << "threads change the sums";
      const auto one_by_one = run(s, a, b, before, ldc, epilogue, By::sums);
      const double most = 1e-6 * static_cast<double>(s.length()) + (exact() ? 1e-5 : 0x1p-16 * 20);
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], most)
            << s.m << " x " << s.n << " x " << s.k << " x " << s.taps << ", " << activation;
        ASSERT_NEAR(one_by_one[i], want[i], most) << s.m << " x " << s.n << " x " << s.k;
      }
    }
  }
}

TEST_P(SplitTest, InfinitiesAndNansGoWhereTheyShould) {
  const Case s{40, 40, 100};
  auto a = random_vector(s.m * s.k, 1), b = random_vector(s.k * s.n, 2);
  const float infinity = std::numeric_limits<float>::infinity();
  a[3 * 100 + 7] = infinity;
  a[5 * 100 + 9] = std::numeric_limits<float>::quiet_NaN();
  a[20 * 100] = std::numeric_limits<float>::max();
  a[21 * 100] = -std::numeric_limits<float>::max();
  b[50 * 40 + 33] = -infinity;
  b[51 * 40 + 35] = std::numeric_limits<float>::max();
  b[35] = 0;  // so that nothing as large cancels it
  b[52 * 40 + 36] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> zeros(static_cast<size_t>(s.m * s.n));
  const auto want = run(s, a, b, zeros, s.n, {}, By::vectors);
  const auto got = run(s, a, b, zeros, s.n, {}, By::tiles);
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(std::isnan(got[i]), std::isnan(want[i])) << i;
    if (std::isinf(want[i])) {
      ASSERT_EQ(got[i], want[i]) << i;
    }
    if (!std::isfinite(want[i])) continue;
    const double most = exact() ? 1e-5 : 2e-4;
    ASSERT_NEAR(got[i], want[i], most + most / 5 * std::fabs(want[i])) << i;
  }
}

TEST_P(SplitTest, PaysForLargeProductsAlone) {
  const int64_t parts = exact() ? 3 : 2;
  EXPECT_TRUE(split_pays(128, 768, 768, Isa::amx, parts));
  EXPECT_FALSE(split_pays(128, 768, 768, Isa::avx512, parts));
  EXPECT_FALSE(split_pays(1, 4096, 4096, Isa::amx, parts));
  EXPECT_FALSE(split_pays(3136, 64, 64, Isa::amx, 3));
  EXPECT_FALSE(split_pays(3136, 16, 1024, Isa::amx, 3));
}

INSTANTIATE_TEST_SUITE_P(, SplitTest, testing::Values(Cut::three, Cut::two, Cut::before),
                         [](const auto& cut) {
                           return cut.param == Cut::three ? "ThreeParts"
                                  : cut.param == Cut::two ? "TwoParts"
                                                          : "TwoPartsBeforehand";
                         });

}  // namespace
}  // namespace drawbar::cpu
