#include "targets/cpu/gemm/gemm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "targets/cpu/gemm/microkernel.h"
#include "targets/cpu/half.h"

namespace drawbar::cpu {
namespace {

constexpr uint32_t kSeed = 20240607;

std::vector<float> random_vector(int64_t size, uint32_t seed) {
  std::mt19937 engine(kSeed + seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = uniform(engine);
  return values;
}

struct Aligned {
  explicit Aligned(int64_t bytes)
      : data(static_cast<float*>(
            std::aligned_alloc(64, static_cast<size_t>((bytes + 127) / 64 * 64)))) {}
  ~Aligned() { std::free(data); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  float* data;
};

float activate(float x, const Epilogue& e) {
  switch (e.activation) {
    case Activation::none:
      return x;
    case Activation::clamp:
      return std::fmin(std::fmax(x, e.alpha), e.beta);
    case Activation::leaky_relu:
      return x < 0 ? e.alpha * x : x;
    case Activation::hard_swish:
      return x * std::fmin(std::fmax(x / 6 + 0.5f, 0.0f), 1.0f);
  }
  return x;
}

/// The plain loops everything is compared with. Row r of A is a(r)[k].
template <class RowOfA, class ElementOfB>
std::vector<float> expected_product(int64_t m, int64_t n, int64_t k, RowOfA a, ElementOfB b,
                                    std::vector<float> c, int64_t ldc, const Epilogue& e) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = e.bias != nullptr ? e.bias[j] : 0;
      for (int64_t t = 0; t < k; ++t) sum += static_cast<double>(a(i, t)) * b(t, j);
      float& out = c[static_cast<size_t>(i * ldc + j)];
      if (e.accumulate) sum += out;
      if (e.residual != nullptr) sum += e.residual[i * e.residual_ld + j];
      out = activate(static_cast<float>(sum), e);
    }
  }
  return c;
}

/// What the tile unit leaves out of a product of numbers up to 1, as a rule: tile_unit.h.
constexpr double kLeftOut = 2e-6;

void expect_close(const std::vector<float>& got, const std::vector<float>& want, int64_t k,
                  const std::string& what, Isa isa) {
  ASSERT_EQ(got.size(), want.size());
  // The absolute part grows with the length of the sum.
  const double absolute = 1e-5 + (isa == Isa::amx ? kLeftOut : 1e-7) * static_cast<double>(k);
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], absolute + 1e-4 * std::fabs(want[i])) << what << " at " << i;
  }
}

class GemmTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (isa() < GetParam()) GTEST_SKIP() << "this processor has only " << name(isa());
    scope_ = std::make_unique<ScopedIsa>(GetParam());
  }
  std::unique_ptr<ScopedIsa> scope_;
  ThreadPool pool_{3};
};

TEST_P(GemmTest, MatchesPlainLoopsOnAwkwardSizes) {
  for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 11, 13, 25, 127, 129}) {
    for (int64_t n : {1, 7, 13, 16, 33, 127, 129}) {
      for (int64_t k : {0, 1, 3, 7, 127, 400, 900}) {
        const int64_t lda = k + 3, ldc = n + 5;
        const auto a = random_vector(m * lda, 1);
        const auto b = random_vector(k * n, 2);
        const auto bias = random_vector(n, 3);
        const auto start = random_vector(m * ldc, 4);
        Aligned memory(packed_bytes(k, n, GetParam()));
        const PackedMatrix packed = pack(b.data(), n, false, k, n, GetParam(), memory.data);
        Epilogue epilogue;
        epilogue.bias = bias.data();
        const auto want = expected_product(
            m, n, k, [&](int64_t i, int64_t t) { return a[static_cast<size_t>(i * lda + t)]; },
            [&](int64_t t, int64_t j) { return b[static_cast<size_t>(t * n + j)]; }, start, ldc,
            epilogue);
        auto got = start;
        gemm(m, a.data(), lda, packed, got.data(), ldc, epilogue, &pool_);
        const std::string what =
            std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
        expect_close(got, want, k, what, GetParam());
        auto alone = start;
        gemm(m, a.data(), lda, packed, alone.data(), ldc, epilogue, nullptr);
        EXPECT_EQ(got, alone) << what << ": bits differ with the number of threads";
      }
    }
  }
}

/// Halves as they are stored, and the numbers they are.
struct Halves {
  std::vector<uint16_t> stored;
  std::vector<float> numbers;

  Halves(ElementType element, const std::vector<float>& from)
      : stored(from.size()), numbers(from.size()) {
    const auto count = static_cast<int64_t>(from.size());
    narrow(element, from.data(), stored.data(), count);
    widen(element, stored.data(), numbers.data(), count);
  }
};

TEST_P(GemmTest, MultipliesHalvesAsTheNumbersTheyAre) {
  for (ElementType element : {ElementType::f16, ElementType::bf16}) {
    for (int64_t m : {1, 2, 3, 4, 6, 7, 12, 13, 16, 25, 129}) {
      for (int64_t n : {1, 13, 33, 64, 129}) {
        for (int64_t k : {0, 1, 7, 127, 900}) {
          const bool transposed = (m + n + k) % 2 == 0;
          const int64_t lda = k + 3, ldc = n + 5, ldb = (transposed ? k : n) + 1;
          const auto a = random_vector(m * lda, 1);
          const Halves b(element, random_vector((transposed ? n : k) * ldb, 2));
          const auto bias = random_vector(n, 3), residual = random_vector(m * n, 4);
          const auto start = random_vector(m * ldc, 5);
          Aligned memory(packed_bytes(k, n, GetParam(), element));
          const PackedMatrix packed =
              pack_halves(element, b.stored.data(), ldb, transposed, k, n, GetParam(), memory.data);
          Epilogue epilogue;
          epilogue.bias = bias.data();
          epilogue.residual = residual.data();
          epilogue.residual_ld = n;
          epilogue.accumulate = m % 2 == 0;
          epilogue.clamp(-3, 3);
          const auto want = expected_product(
              m, n, k, [&](int64_t i, int64_t t) { return a[static_cast<size_t>(i * lda + t)]; },
              [&](int64_t t, int64_t j) {
                return b.numbers[static_cast<size_t>(transposed ? j * ldb + t : t * ldb + j)];
              },
              start, ldc, epilogue);
          auto got = start;
          gemm(m, a.data(), lda, packed, got.data(), ldc, epilogue, &pool_);
          const std::string what = std::string(name(element)) + " " + std::to_string(m) + "x" +
                                   std::to_string(n) + "x" + std::to_string(k);
          expect_close(got, want, k, what, GetParam());
          auto alone = start;
          gemm(m, a.data(), lda, packed, alone.data(), ldc, epilogue, nullptr);
          EXPECT_EQ(got, alone) << what << ": bits differ with the number of threads";
        }
      }
    }
  }
}

TEST_P(GemmTest, GathersRowsAgainstHalves) {
  const int64_t n = 129, k = 100, taps = 9, rows = 64;
  for (ElementType element : {ElementType::f16, ElementType::bf16}) {
    for (int64_t m : {1, 5, 127}) {
      const auto source = random_vector(rows * k, 1);
      const Halves b(element, random_vector(taps * k * n, 2));
      const auto row_of = [&](int64_t tap, int64_t r) { return (r * 7 + tap * 5) % rows; };
      auto fill = [&](int64_t row, int64_t count, const float** list) {
        for (int64_t t = 0; t < taps; ++t) {
          for (int64_t r = 0; r < count; ++r)
            list[t * count + r] = source.data() + row_of(t, row + r) * k;
        }
      };
      Aligned memory(packed_bytes(taps * k, n, GetParam(), element));
      const PackedMatrix packed =
          pack_halves(element, b.stored.data(), n, false, taps * k, n, GetParam(), memory.data);
      Aligned scratch(
          gemm_indirect_scratch_bytes(m, taps, k, n, pool_.threads(), GetParam(), element));
      const auto want = expected_product(
          m, n, taps * k,
          [&](int64_t i, int64_t t) {
            return source[static_cast<size_t>(row_of(t / k, i) * k + t % k)];
          },
          [&](int64_t t, int64_t j) { return b.numbers[static_cast<size_t>(t * n + j)]; },
          std::vector<float>(static_cast<size_t>(m * n)), n, {});
      std::vector<float> got(static_cast<size_t>(m * n));
      gemm_indirect(m, {taps, k, fill}, packed, got.data(), n, {}, scratch.data, &pool_);
      expect_close(got, want, taps * k, std::to_string(m) + " rows", GetParam());
    }
  }
}

/// On the tile unit an infinity has no parts; its sums are formed again by vectors.
TEST_P(GemmTest, InfiniteHalvesGiveWhatTheyShould) {
  const int64_t m = 40, n = 70, k = 64;
  const float infinity = std::numeric_limits<float>::infinity();
  for (ElementType element : {ElementType::f16, ElementType::bf16}) {
    auto numbers = random_vector(k * n, 2);
    numbers[3 * n + 5] = infinity;
    const Halves b(element, numbers);
    const std::vector<float> a(static_cast<size_t>(m * k), -1.0f);
    Aligned memory(packed_bytes(k, n, GetParam(), element));
    const PackedMatrix packed =
        pack_halves(element, b.stored.data(), n, false, k, n, GetParam(), memory.data);
    std::vector<float> c(static_cast<size_t>(m * n));
    gemm(m, a.data(), k, packed, c.data(), n, {}, nullptr);
    for (int64_t i = 0; i < m * n; ++i) {
      const float value = c[static_cast<size_t>(i)];
      if (i % n == 5) {
        EXPECT_EQ(value, -infinity) << i;
      } else {
        EXPECT_TRUE(std::isfinite(value)) << i;
      }
    }
  }
}

TEST_P(GemmTest, StreamsWeightsLargerThanACoresCache) {
  constexpr int64_t k = 1030, n = 1030;
  const auto b = random_vector(k * n, 2);
  Aligned memory(packed_bytes(k, n, GetParam()));
  const PackedMatrix packed = pack(b.data(), n, false, k, n, GetParam(), memory.data);
  for (int64_t m : {1, 2, 3, 4}) {
    const auto a = random_vector(m * k, 1);
    const std::vector<float> start(static_cast<size_t>(m * n));
    const auto want = expected_product(
        m, n, k, [&](int64_t i, int64_t t) { return a[static_cast<size_t>(i * k + t)]; },
        [&](int64_t t, int64_t j) { return b[static_cast<size_t>(t * n + j)]; }, start, n, {});
    auto got = start;
    gemm(m, a.data(), k, packed, got.data(), n, {}, &pool_);
    expect_close(got, want, k, std::to_string(m) + " rows", GetParam());
  }
}

TEST_P(GemmTest, AppliesEpilogues) {
  const int64_t m = 29, n = 45, k = 430;
  const auto a = random_vector(m * k, 1);
  const auto b = random_vector(n * k, 2);
  const auto bias = random_vector(n, 3);
  const auto residual = random_vector(m * n, 4);
  const auto start = random_vector(m * n, 5);
  Aligned memory(packed_bytes(k, n, GetParam()));
  const PackedMatrix packed = pack(b.data(), k, true, k, n, GetParam(), memory.data);
  for (Activation activation :
       {Activation::none, Activation::clamp, Activation::leaky_relu, Activation::hard_swish}) {
    for (int bits = 0; bits < 8; ++bits) {
      Epilogue e;
      e.activation = activation;
      e.alpha = activation == Activation::clamp ? -0.5f : 0.1f;
      e.beta = 2;
      if ((bits & 1) != 0) e.bias = bias.data();
      if ((bits & 2) != 0) {
        e.residual = residual.data();
        e.residual_ld = n;
      }
      e.accumulate = (bits & 4) != 0;
      const auto want = expected_product(
          m, n, k, [&](int64_t i, int64_t t) { return a[static_cast<size_t>(i * k + t)]; },
          [&](int64_t t, int64_t j) { return b[static_cast<size_t>(j * k + t)]; }, start, n, e);
      auto got = start;
      gemm(m, a.data(), k, packed, got.data(), n, e, &pool_);
      expect_close(got, want, k, "epilogue " + std::to_string(bits), GetParam());
    }
  }
}

TEST_P(GemmTest, KeepsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> a(2, nan), b(20, 1.0f);
  Aligned memory(packed_bytes(1, 20, GetParam()));
  const PackedMatrix packed = pack(b.data(), 20, false, 1, 20, GetParam(), memory.data);
  for (Activation activation :
       {Activation::clamp, Activation::leaky_relu, Activation::hard_swish}) {
    Epilogue e;
    e.activation = activation;
    e.beta = 1;
    std::vector<float> c(40, 0.0f);
    gemm(2, a.data(), 1, packed, c.data(), 20, e, nullptr);
    for (float value : c) EXPECT_TRUE(std::isnan(value));
  }
}

TEST_P(GemmTest, CallsTheHookOnEveryElementOnce) {
  const int64_t m = 131, n = 77, k = 500;
  const auto a = random_vector(m * k, 1);
  const auto b = random_vector(n * k, 2);
  Aligned memory(packed_bytes(k, n, GetParam()));
  const PackedMatrix packed = pack(b.data(), n, false, k, n, GetParam(), memory.data);
  std::vector<float> plain(static_cast<size_t>(m * n)), hooked(plain.size());
  gemm(m, a.data(), k, packed, plain.data(), n, {}, &pool_);
  auto add = [&](float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows, int64_t cols) {
    EXPECT_EQ(c, hooked.data() + row * n + col);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) c[i * ldc + j] += static_cast<float>(row + i + col + j);
    }
  };
  const TileHook hook(add);
  Epilogue e;
  e.hook = &hook;
  gemm(m, a.data(), k, packed, hooked.data(), n, e, &pool_);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const auto at = static_cast<size_t>(i * n + j);
      ASSERT_EQ(hooked[at], plain[at] + static_cast<float>(i + j));
    }
  }
}

TEST_P(GemmTest, GathersRowsByPointers) {
  for (int64_t m : {1, 5, 13, 127}) {
    for (int64_t n : {7, 129}) {
      for (int64_t k : {3, 64, 500}) {
        for (int64_t taps : {1, 9}) {
          const int64_t rows = 64;
          const auto source = random_vector(rows * k, 1);
          const auto b = random_vector(taps * k * n, 2);
          const auto row_of = [&](int64_t tap, int64_t r) { return (r * 7 + tap * 5) % rows; };
          auto fill = [&](int64_t row, int64_t count, const float** list) {
            for (int64_t t = 0; t < taps; ++t) {
              for (int64_t r = 0; r < count; ++r) {
                list[t * count + r] = source.data() + row_of(t, row + r) * k;
              }
            }
          };
          Aligned memory(packed_bytes(taps * k, n, GetParam()));
          const PackedMatrix packed =
              pack(b.data(), n, false, taps * k, n, GetParam(), memory.data);
          Aligned scratch(gemm_indirect_scratch_bytes(m, taps, k, n, pool_.threads(), GetParam()));
          const auto want = expected_product(
              m, n, taps * k,
              [&](int64_t i, int64_t t) {
                return source[static_cast<size_t>(row_of(t / k, i) * k + t % k)];
              },
              [&](int64_t t, int64_t j) { return b[static_cast<size_t>(t * n + j)]; },
              std::vector<float>(static_cast<size_t>(m * n)), n, {});
          std::vector<float> got(static_cast<size_t>(m * n));
          gemm_indirect(m, {taps, k, fill}, packed, got.data(), n, {}, scratch.data, &pool_);
          expect_close(got, want, taps * k, std::to_string(m) + " rows", GetParam());
        }
      }
    }
  }
}

TEST_P(GemmTest, MultipliesBatches) {
  for (int64_t m : {1, 2, 4, 6, 7, 13, 130}) {
    for (int64_t n : {1, 13, 64, 129}) {
      for (int64_t k : {1, 7, 64, 129}) {
        for (bool transposed : {false, true}) {
          const BatchShape shape{3, m, n, k, k + 1, transposed ? k + 2 : n + 2, n + 3, transposed};
          const int64_t b_size = (transposed ? n : k) * shape.ldb;
          const auto a = random_vector(3 * m * shape.lda, 1);
          const auto b = random_vector(3 * b_size, 2);
          const auto bias = random_vector(n, 3);
          const auto residual = random_vector(3 * m * n, 4);
          auto got = random_vector(3 * m * shape.ldc, 5);
          const auto start = got;
          Epilogue e;
          e.bias = bias.data();
          e.residual_ld = n;
          e.accumulate = true;
          e.activation = Activation::leaky_relu;
          e.alpha = 0.25f;
          auto item = [&](int64_t i) -> BatchItem {
            return {a.data() + i * m * shape.lda, b.data() + i * b_size,
                    got.data() + i * m * shape.ldc, residual.data() + i * m * n};
          };
          Aligned scratch(matmul_batch_scratch_bytes(shape, pool_.threads(), GetParam()));
          matmul_batch(shape, item, e, scratch.data, GetParam(), &pool_);
          for (int64_t i = 0; i < 3; ++i) {
            Epilogue part = e;
            part.residual = residual.data() + i * m * n;
            const auto c_begin = i * m * shape.ldc, c_end = c_begin + m * shape.ldc;
            const auto want = expected_product(
                m, n, k,
                [&](int64_t r, int64_t t) {
                  return a[static_cast<size_t>((i * m + r) * shape.lda + t)];
                },
                [&](int64_t t, int64_t j) {
                  return b[static_cast<size_t>(
                      i * b_size + (transposed ? j * shape.ldb + t : t * shape.ldb + j))];
                },
                {start.begin() + c_begin, start.begin() + c_end}, shape.ldc, part);
            expect_close({got.begin() + c_begin, got.begin() + c_end}, want, k,
                         std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k),
                         GetParam());
          }
        }
      }
    }
  }
}

/// Where code cannot be generated, these kernels finish bytes, too.
TEST(MicroKernel, PortableOnesStoreBytes) {
  constexpr int kRows = 2, kColumns = 7, kWidth = 8;
  const std::array<uint8_t, kRows* 4> a = {1, 2, 3, 4, 255, 0, 7, 9};
  std::array<int8_t, kWidth * 4> b;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<int8_t>(7 * i - 100);
  const std::array<const float*, kRows> rows = {reinterpret_cast<const float*>(a.data()),
                                                reinterpret_cast<const float*>(a.data() + 4)};
  std::array<int32_t, kWidth> offset;
  std::array<float, kWidth> multiplier, addend;
  offset.fill(-30);
  multiplier.fill(0.125f);
  addend.fill(0.75f);
  const std::array<uint8_t, kRows* kWidth> other = {3, 255, 128, 0, 77, 1, 200, 0,
                                                    9, 250, 127, 2, 66, 5, 100, 0};
  AddedTerms terms;
  std::ranges::fill(terms.between, 5.0f);
  std::ranges::fill(terms.factor, 0.5f);
  std::ranges::fill(terms.other_factor, 0.75f);
  std::ranges::fill(terms.addend, -20.0f);
  for (Stored stored : {Stored::u8, Stored::i8, Stored::u8_added, Stored::i8_added}) {
    const float low = is_u8(stored) ? 0 : -128;
    std::ranges::fill(terms.low, low - 5);
    std::ranges::fill(terms.high, low + 250);
    std::array<uint8_t, kRows * kWidth> c;
    c.fill(99);
    KernelShape shape{Isa::baseline, Multiply::dots, kRows, 2, RowSource::pointers};
    shape.stored = stored;
    KernelArgs args;
    args.a_list = rows.data();
    args.k_end = 4;
    args.b = reinterpret_cast<const float*>(b.data());
    args.c = reinterpret_cast<float*>(c.data());
    args.c_stride = kWidth;
    args.last_columns = kColumns - 4;
    args.offset = offset.data();
    args.multiplier = multiplier.data();
    args.addend = addend.data();
    args.zero = 5;
    args.residual = reinterpret_cast<const float*>(other.data());
    args.residual_stride = kWidth;
    args.added = &terms;
    args.rows = kRows;
    args.vectors = 2;
    args.lanes = 4;
    kernel(shape)(&args);
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t j = 0; j < kWidth; ++j) {
        float want = -30;
        for (size_t k = 0; k < 4; ++k)
          want += static_cast<float>(a[i * 4 + k]) * static_cast<float>(b[j * 4 + k]);
        want = std::clamp(std::nearbyint(want * 0.125f + 0.75f) + 5, low, low + 255);
        if (is_added(stored)) {
          const uint8_t byte = other[i * kWidth + j];
          const auto added = static_cast<float>(is_u8(stored) ? byte : static_cast<int8_t>(byte));
          want = std::nearbyint(want * 0.5f + (added * 0.75f - 20)) + 5;
          want = std::clamp(want, low, low + 255);
        }
        EXPECT_EQ(c[i * kWidth + j],
                  j < kColumns ? static_cast<uint8_t>(static_cast<int>(want)) : 99)
            << i << ", " << j;
      }
    }
  }
}

#if defined(__x86_64__)
TEST(MicroKernel, EveryShapeIsGenerated) {
  for (Isa isa : {Isa::avx2, Isa::avx512}) {
    for (ColumnSource columns : {ColumnSource::panels, ColumnSource::row_major}) {
      for (int vectors = 1; vectors <= kMaxKernelVectors; ++vectors) {
        for (int rows = 1; rows <= max_rows(isa, vectors, columns); ++rows) {
          for (RowSource source : {RowSource::strided, RowSource::pointers}) {
            for (Prefetch prefetch :
                 {Prefetch::next_panels, Prefetch::next_panels_more, Prefetch::along}) {
              for (Multiply multiply : {Multiply::f32, Multiply::f16, Multiply::bf16}) {
                if (is_of_halves(multiply) && columns == ColumnSource::row_major) continue;
                EXPECT_NE(
                    generate_kernel({isa, multiply, rows, vectors, source, columns, prefetch}),
                    nullptr)
                    << name(isa) << ", " << rows << " x " << vectors;
              }
            }
          }
        }
      }
    }
  }
}

TEST(MicroKernel, EveryShapeOfBytesIsGenerated) {
  for (Isa isa : {Isa::avx2, Isa::avx512}) {
    for (Multiply multiply : {Multiply::dots, Multiply::pairs, Multiply::fours, Multiply::words}) {
      const int widest = isa == Isa::avx512 && multiply == Multiply::dots ? 4 : 2;
      for (int vectors = 1; vectors <= widest; ++vectors) {
        for (int rows = 1; rows <= max_byte_rows(isa, vectors, multiply); ++rows) {
          for (Stored stored :
               {Stored::numbers, Stored::u8, Stored::i8, Stored::u8_added, Stored::i8_added}) {
            KernelShape shape{isa, multiply, rows, vectors, RowSource::pointers};
            shape.stored = stored;
            EXPECT_NE(generate_kernel(shape), nullptr)
                << name(isa) << ", " << rows << " x " << vectors;
          }
        }
      }
    }
  }
}
#endif

INSTANTIATE_TEST_SUITE_P(InstructionSets, GemmTest, testing::ValuesIn(kIsas),
                         [](const auto& info) { return name(info.param); });

}  // namespace
}  // namespace drawbar::cpu
