#include "targets/cpu/gemm/bytes.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "base/error.h"
#include "targets/cpu/gemm/blocking.h"
#include "tests/support/aligned.h"
#include "tests/support/guarded.h"

namespace drawbar::cpu {
namespace {

/// A product whose rows are `taps` runs of k bytes, with any bytes or with the largest alone.
struct Case {
  int64_t m, n, k, taps = 1;
  bool is_signed = false;
  bool extremes = false;
  int range = 128;  // of B: 255 where it has lost a zero point

  int64_t depth() const { return k * taps; }
};

constexpr Case kCases[] = {{1, 1, 1},
                           {1, 1, 4},
                           {3, 33, 8},
                           {16, 32, 64},
                           {17, 31, 65, 1, true},
                           {47, 65, 60, 3},
                           {70, 100, 64, 9},
                           {50, 40, 3, 7},
                           {100, 64, 129, 2, true},
                           {200, 24, 512},
                           {33, 70, 64, 1, false, true},
                           {33, 70, 30, 3, true, true},
                           {33, 35, 64, 2, false, false, 255},
                           {20, 35, 62, 1, true, true, 255},
                           {20, 35, 62, 1, false, true, 200},
                           {33, 70, 64, 1, false, false, 20},
                           {33, 70, 64, 9, false, false, 40},
                           {33, 70, 64, 1, false, true, 64},
                           {33, 70, 64, 3, false, true, 32},
                           {9, 40, 100, 1, true, false, 45}};

class Numbers {
 public:
  explicit Numbers(const Case& s) : case_(s) {
    std::mt19937 engine(20260129);
    std::uniform_int_distribution<int> byte(0, 255), coin(0, 1);
    a.resize(static_cast<size_t>(s.m * s.depth()));
    b.resize(static_cast<size_t>(s.depth() * s.n));
    for (auto& x : a) {
      const int any = byte(engine), end = s.is_signed ? 0x80 - coin(engine) : 255;
      x = static_cast<std::byte>(s.extremes ? end : any);
    }
    for (auto& x : b) {
      const int most = s.range == 128 ? 127 : s.range;
      const int end = coin(engine) == 1 ? -s.range : most;
      x = static_cast<int16_t>(
          s.extremes ? end : std::uniform_int_distribution<int>(-s.range, most)(engine));
    }
  }

  int32_t a_at(int64_t i, int64_t k) const {
    const std::byte x = a[static_cast<size_t>(i * case_.depth() + k)];
    return case_.is_signed ? static_cast<int8_t>(x) : static_cast<uint8_t>(x);
  }
  int32_t sum(int64_t i, int64_t j) const {
    int32_t result = 0;
    for (int64_t k = 0; k < case_.depth(); ++k)
      result += a_at(i, k) * b[static_cast<size_t>(k * case_.n + j)];
    return result;
  }
  int32_t column_sum(int64_t j) const {
    int32_t result = 0;
    for (int64_t k = 0; k < case_.depth(); ++k) result += b[static_cast<size_t>(k * case_.n + j)];
    return result;
  }

  std::vector<std::byte> a;
  std::vector<int16_t> b;

 private:
  const Case& case_;
};

/// How rows of A lie and are told of: one behind the other, or in lines of so many with bytes
/// between; the last one ends where nothing more may be read.
struct Rows {
  const char* words;
  int64_t line = 0;          // rows; 0: all
  int64_t between = 0;       // bytes
  bool tells_lines = false;  // not by pointers alone
  bool is_readable = false;  // from the first byte to the last one
};
constexpr Rows kRows[] = {{"by pointers"},
                          {"by pointers, readable", 0, 0, false, true},
                          {"by pointers, in lines", 5, 7, false, true},
                          {"by lines", 21, 64, true, true},
                          {"by lines of few rows", 3, 5, true, true},
                          {"by one line, not readable", 0, 0, true, false},
                          {"by one line", 0, 0, true, true}};

/// What a test asks of the product beyond the numbers.
struct Manner {
  Isa isa;
  ByteUnit unit;
  int threads = 1;
  Rows rows = kRows[0];
  const ByteGaps* gaps = nullptr;
  bool uses_bounds = true;
};

template <class T>
std::vector<T> run(const Case& s, const Numbers& numbers, const Manner& manner,
                   ByteEpilogue epilogue, int64_t y_ld) {
  PackedBytes b{.k = s.depth(), .n = s.n, .isa = manner.isa, .unit = manner.unit};
  b.plan = plan_bytes(numbers.b.data(), b, s.taps, s.is_signed);
  const AlignedBuffer<std::byte> packed = aligned<std::byte>(packed_size(b));
  pack_bytes(numbers.b.data(), b, packed.get());
  b.data = packed.get();
  check_packed(b);
  const int64_t line = manner.rows.line == 0 ? s.m : manner.rows.line,
                line_stride = line * s.depth() + manner.rows.between;
  const ByteLines lines_of_rows{nullptr, s.depth(), line, line_stride, s.m, 0};
  const int64_t size = lines_of_rows.offset(s.m - 1) + s.depth();
  const GuardedBytes rows_of_a(size);
  for (int64_t r = 0; r < s.m; ++r)
    std::copy_n(numbers.a.data() + r * s.depth(), s.depth(),
                rows_of_a.data() + lines_of_rows.offset(r));
  const auto fill = [&](int64_t row, int64_t rows, const std::byte** list) {
    for (int64_t t = 0; t < s.taps; ++t) {
      for (int64_t r = 0; r < rows; ++r)
        list[t * rows + r] = rows_of_a.data() + lines_of_rows.offset(row + r) + t * s.k;
    }
  };
  std::vector<const std::byte*> runs;
  for (int64_t t = 0; t < s.taps; ++t) runs.push_back(rows_of_a.data() + t * s.k);
  ByteLines lines = lines_of_rows;
  lines.runs = runs.data();
  ByteRows a{s.taps, s.k, s.is_signed, fill};
  if (manner.rows.is_readable) {
    a.begin = rows_of_a.data();
    a.end = a.begin + size;
  }
  if (manner.rows.tells_lines) a.lines = &lines;
  a.gaps = manner.gaps;
  const int64_t columns = (s.n + 31) / 32 * 32;
  std::vector<float> multiplier(static_cast<size_t>(columns), 1.0f), addend(multiplier.size());
  std::vector<int32_t> offset(multiplier.size());
  if (epilogue.multiplier != nullptr) std::copy_n(epilogue.multiplier, s.n, multiplier.begin());
  for (int64_t j = 0; j < s.n; ++j) {
    const auto at = static_cast<size_t>(j);
    if (epilogue.addend != nullptr) addend[at] = epilogue.addend[j];
    if (adds_128(a, b)) offset[at] = -128 * numbers.column_sum(j);
  }
  epilogue.offset = offset.data();
  epilogue.multiplier = multiplier.data();
  epilogue.addend = addend.data();
  epilogue.bounded = manner.uses_bounds && is_bounded(epilogue, s.n);
  std::vector<T> y(static_cast<size_t>(s.m * y_ld), T{77});
  ThreadPool pool(manner.threads);
  const AlignedBuffer<std::byte> scratch =
      aligned<std::byte>(multiply_bytes_scratch(s.m, s.taps, s.k, s.is_signed, b, manner.threads));
  multiply_bytes(s.m, a, b, y.data(), y_ld, epilogue, scratch.get(),
                 manner.threads == 1 ? nullptr : &pool);
  return y;
}

class BytesTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (isa() < GetParam()) GTEST_SKIP() << "this processor has only " << name(isa());
  }
};

TEST_P(BytesTest, SumsAreExact) {
  for (ByteUnit unit : byte_units(GetParam())) {
    for (const Case& s : kCases) {
      const Numbers numbers(s);
      ByteEpilogue epilogue;
      epilogue.to = ElementType::f32;
      for (const Rows& rows : kRows) {
        for (int threads : {1, 3}) {
          const int64_t ld = s.n + 2;
          const auto y = run<float>(s, numbers, {GetParam(), unit, threads, rows}, epilogue, ld);
          for (int64_t i = 0; i < s.m; ++i) {
            for (int64_t j = 0; j < ld; ++j) {
              const float got = y[static_cast<size_t>(i * ld + j)];
              // Below 2^24, so that f32 holds every sum.
              ASSERT_EQ(got, j < s.n ? static_cast<float>(numbers.sum(i, j)) : 77.0f)
                  << name(unit) << ", " << s.m << " x " << s.n << " x " << s.depth() << " "
                  << rows.words << " at " << i << ", " << j;
            }
          }
        }
      }
    }
  }
}

TEST(ByteTiles, LeavesRowsThatYHasNot) {
  if (byte_unit(isa()) != ByteUnit::tiles) GTEST_SKIP() << "this processor has no tile unit";
  const ByteGaps gaps{7, 5, 4, 3};
  const Case s{200, 70, 64, 3};
  const Numbers numbers(s);
  std::vector<float> multiplier(70, 0x1p-10f);
  for (const ElementType to : {ElementType::u8, ElementType::i32}) {
    ByteEpilogue e;
    e.to = to;
    e.zero = 3;
    e.multiplier = multiplier.data();
    const Manner manner{Isa::amx, ByteUnit::tiles, 2, kRows[6], &gaps};
    const auto expect = [&](const auto& y, auto untouched, const auto& number) {
      std::vector<bool> written(static_cast<size_t>(s.m));
      for (int64_t r = 0; r < s.m; ++r) {
        const int64_t row = gaps.row_of_y(r);
        if (row < 0) continue;
        written[static_cast<size_t>(row)] = true;
        for (int64_t j = 0; j < s.n; ++j)
          ASSERT_EQ(y[static_cast<size_t>(row * s.n + j)], number(numbers.sum(r, j))) << r;
      }
      for (int64_t row = 0; row < s.m; ++row) {
        if (written[static_cast<size_t>(row)]) continue;
        ASSERT_EQ(y[static_cast<size_t>(row * s.n)], untouched) << row;
      }
    };
    if (to == ElementType::i32) {
      expect(run<int32_t>(s, numbers, manner, e, s.n), 77, [](int32_t sum) { return sum; });
    } else {
      expect(run<uint8_t>(s, numbers, manner, e, s.n), 77, [](int32_t sum) {
        const float v = std::nearbyint(static_cast<float>(sum) * 0x1p-10f) + 3;
        return static_cast<uint8_t>(std::clamp(v, 0.0f, 255.0f));
      });
    }
  }
}

TEST_P(BytesTest, GivesSumsAsTheyAre) {
  const Case s{47, 65, 60, 3, true, true, 255};
  const Numbers numbers(s);
  ByteEpilogue epilogue;
  epilogue.to = ElementType::i32;
  for (ByteUnit unit : byte_units(GetParam())) {
    const auto y = run<int32_t>(s, numbers, {GetParam(), unit, 2}, epilogue, s.n);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j)
        ASSERT_EQ(y[static_cast<size_t>(i * s.n + j)], numbers.sum(i, j)) << name(unit);
    }
  }
}

TEST(BytePlan, FoursAreTakenWhereFewExceedThem) {
  std::vector<int16_t> b(64 * 16, 30);
  PackedBytes matrix{.k = 64, .n = 16, .isa = Isa::avx2, .unit = ByteUnit::pairs};
  const auto plan = [&] { return plan_bytes(b.data(), matrix, 1, false); };
  EXPECT_EQ(plan().fours, 1);
  EXPECT_EQ(plan().extras, 0);
  b[5] = 50;  // of k 0
  EXPECT_EQ(plan().fours, 1);
  EXPECT_EQ(plan().extras, 1);
  for (auto& weight : b) weight = 60;
  EXPECT_EQ(plan().fours, 0);
  EXPECT_EQ(plan().extras, 0);
  for (size_t i = 0; i < b.size(); i += 32) b[i] = -128;  // even rows of k: signs do not add up
  EXPECT_EQ(plan().extras, 0);
}

TEST(BytePlan, WordsPayWhereMostStepsExceedPairs) {
  std::vector<int16_t> b(64 * 16, 127);
  PackedBytes matrix{.k = 64, .n = 16, .isa = Isa::avx2, .unit = ByteUnit::pairs};
  matrix.plan = plan_bytes(b.data(), matrix, 1, false);
  EXPECT_TRUE(words_pay(matrix));
  for (size_t i = 0; i < b.size(); ++i) b[i] = i < 512 ? 127 : 60;
  matrix.plan = plan_bytes(b.data(), matrix, 1, false);
  EXPECT_FALSE(words_pay(matrix));
}

TEST(BytePlan, DamagedOnesAreRefused) {
  const std::vector<int16_t> b(64 * 16, 100);
  PackedBytes matrix{.k = 64, .n = 16, .isa = Isa::avx2, .unit = ByteUnit::pairs};
  matrix.plan = plan_bytes(b.data(), matrix, 2, false);
  ASSERT_GT(matrix.plan.extras, 0);
  check_plan(matrix, 2, false);
  EXPECT_THROW(check_plan(matrix, 1, false), Error);
  const auto bytes = static_cast<size_t>(packed_size(matrix));
  const AlignedBuffer<std::byte> packed = aligned<std::byte>(packed_size(matrix));
  pack_bytes(b.data(), matrix, packed.get());
  matrix.data = packed.get();
  check_packed(matrix);
  size_t refused = 0;
  for (size_t at = 0; at < bytes; ++at) {
    packed.get()[at] ^= std::byte{0x80};
    try {
      check_packed(matrix);
    } catch (const Error&) {
      ++refused;
    }
    packed.get()[at] ^= std::byte{0x80};
  }
  // Every number but the weights themselves.
  EXPECT_EQ(refused, 3 * 4 + 8 * static_cast<size_t>(matrix.plan.extras));
  auto huge = matrix;
  huge.plan.extras = int64_t{1} << 60;
  EXPECT_THROW(check_plan(huge, 2, false), Error);
}

/// Multipliers and addends with which everything is exact in f32.
struct Finishing {
  explicit Finishing(int64_t n)
      : multiplier(static_cast<size_t>(n)), addend(static_cast<size_t>(n)) {
    for (size_t j = 0; j < multiplier.size(); ++j) {
      multiplier[j] = 0x1p-10f * static_cast<float>(1 + j % 3);
      addend[j] = 0.25f * static_cast<float>(j) - 3;
    }
  }

  float rounded(int32_t sum, int64_t column) const {
    const auto j = static_cast<size_t>(column);
    return std::nearbyint(static_cast<float>(sum) * multiplier[j] + addend[j]);
  }

  std::vector<float> multiplier, addend;
};

template <class Byte>
void expect_bytes(const Case& s, Manner manner, ElementType to) {
  const Numbers numbers(s);
  const Finishing finishing(s.n);
  ByteEpilogue e;
  e.multiplier = finishing.multiplier.data();
  e.addend = finishing.addend.data();
  e.to = to;
  e.zero = to == ElementType::i8 ? -5 : 9;
  const int64_t ld = s.n + 3;
  const auto y = run<Byte>(s, numbers, manner, e, ld);
  const float low = std::numeric_limits<Byte>::min(), high = std::numeric_limits<Byte>::max();
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < ld; ++j) {
      const float want =
          j < s.n ? std::clamp(finishing.rounded(numbers.sum(i, j), j) + static_cast<float>(e.zero),
                               low, high)
                  : 77.0f;
      ASSERT_EQ(y[static_cast<size_t>(i * ld + j)], static_cast<Byte>(want))
          << name(manner.unit) << ", " << s.m << " x " << s.n << " x " << s.depth() << " at " << i
          << ", " << j << (manner.uses_bounds ? "" : ", not bounded");
    }
  }
}

TEST_P(BytesTest, GivesBytes) {
  const Case cases[] = {{45, 50, 64},           {7, 24, 16},  {3, 72, 20, 1, true}, {1, 8, 9},
                        {50, 160, 12, 3, true}, {97, 96, 24}, {2, 33, 64}};
  for (ByteUnit unit : byte_units(GetParam())) {
    for (const Case& s : cases) {
      for (const bool bounded : {true, false}) {
        const Manner manner{GetParam(), unit, 2, kRows[0], nullptr, bounded};
        expect_bytes<uint8_t>(s, manner, ElementType::u8);
        expect_bytes<int8_t>(s, manner, ElementType::i8);
      }
    }
  }
}

/// y's number where a byte is added to what a sum becomes, all of it exact in f32, so that the
/// order does not count.
float sum_with(float q, const AddedBytes& added, int64_t at) {
  const auto byte = static_cast<const uint8_t*>(added.other)[at];
  const auto other =
      static_cast<float>(added.other_type == ElementType::u8 ? byte : static_cast<int8_t>(byte));
  const float low = added.to == ElementType::u8 ? 0 : -128;
  const float sum = added.factor * q + added.other_factor * other + added.addend;
  return std::clamp(std::nearbyint(sum) + static_cast<float>(added.zero), low, low + 255);
}

template <class Y>
void expect_sums(const Case& s, const Manner& manner, AddedBytes added) {
  const Numbers numbers(s);
  const Finishing finishing(s.n);
  std::vector<std::byte> other(static_cast<size_t>(s.m * s.n));
  for (size_t i = 0; i < other.size(); ++i) other[i] = static_cast<std::byte>(i * 37);
  added.other = other.data();
  added.other_ld = s.n;
  ByteEpilogue e;
  e.multiplier = finishing.multiplier.data();
  e.addend = finishing.addend.data();
  e.to = ElementType::i8;
  e.zero = 5;
  e.added = &added;
  const auto y = run<Y>(s, numbers, manner, e, s.n);
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      const float q = std::clamp(finishing.rounded(numbers.sum(i, j), j) + 5, -128.0f, 127.0f);
      ASSERT_EQ(y[static_cast<size_t>(i * s.n + j)],
                static_cast<Y>(sum_with(q, added, i * s.n + j)))
          << name(manner.unit) << " at " << i << ", " << j;
    }
  }
}

TEST_P(BytesTest, AddsQuantisedTensors) {
  for (const Case& s : {Case{45, 50, 64}, Case{45, 50, 43}}) {
    for (ByteUnit unit : byte_units(GetParam())) {
      for (const bool bounded : {true, false}) {
        for (const bool first : {true, false}) {
          for (const ElementType type : {ElementType::u8, ElementType::i8}) {
            AddedBytes added{.factor = 0.75f,
                             .other_factor = 0.3125f,
                             .addend = -20.5f,
                             .other_first = first,
                             .zero = 7,
                             .other_type = type,
                             .to = ElementType::u8};
            // What is not known to be bounded is finished in another way.
            const Manner manner{GetParam(), unit, 2, kRows[0], nullptr, bounded};
            expect_sums<uint8_t>(s, manner, added);
            added.to = ElementType::i8;
            expect_sums<int8_t>(s, manner, added);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, BytesTest, testing::ValuesIn(kIsas),
                         [](const auto& info) { return name(info.param); });

}  // namespace
}  // namespace drawbar::cpu
