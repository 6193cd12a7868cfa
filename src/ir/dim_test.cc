#include "ir/dim.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drawbar {
namespace {

const Dim n = Dim::symbol("N"), h = Dim::symbol("H"), w = Dim::symbol("W");

TEST(Dim, CanonicalSumsOfProducts) {
  EXPECT_EQ((n + h).str(), (h + n).str());
  EXPECT_EQ(n * h, h * n);
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_EQ(n - n, Dim(0));
  EXPECT_EQ(Dim(2) * n + n, Dim(3) * n);
  EXPECT_EQ((n + h) * w, n * w + h * w);
  EXPECT_FALSE(n == h);
  EXPECT_EQ(Dim(3) + 4, Dim(7));
  EXPECT_TRUE((n - n + 5).is_constant());
}

TEST(Dim, PrintsAndReadsBack) {
  const Dim dims[] = {Dim(0),
                      Dim(-7),
                      n,
                      Dim(-1) * n,
                      Dim(-2) * n + 3,
                      n * n * h - h + 1,
                      floor_div(h + 1, 2),
                      mod(h, 3) * 2 - 1,
                      min(n, h) + max(n, w),
                      floor_div(floor_div(h - 1, 2) + 1, 2) * w,
                      n - h,
                      Dim(-1) * n * h - 5,
                      Dim::symbol("?nonzero/x.n0") + 2};
  for (const Dim& dim : dims) EXPECT_EQ(Dim::parse(dim.str()), dim) << dim.str();
  EXPECT_EQ((Dim(2) * n + 1).str(), "2*N + 1");
  EXPECT_EQ(floor_div(h + 1, 2).str(), "floordiv(H + 1, 2)");
  EXPECT_EQ(Dim::parse("2*(N+1)").str(), "2*N + 2");
}

TEST(Dim, RefusesText) {
  for (const char* text : {"", "N +", "2 3", "min(N)", "(N", "floordiv(N, 0) )", "N**2", "*",
                           "99999999999999999999"}) {
    EXPECT_THROW(Dim::parse(text), Error) << text;
  }
  EXPECT_THROW(Dim::parse(std::string(1000, '(') + "N"), Error);
}

TEST(Dim, FloorDivisionTakesOutWhatDivides) {
  EXPECT_EQ(floor_div(Dim(4) * n + 8, 4), n + 2);
  EXPECT_EQ(floor_div(n * h * w, h * w), n);
  EXPECT_EQ(floor_div(n * 64, n), Dim(64));
  EXPECT_EQ(floor_div(Dim(4) * n + 3, 4), n + floor_div(Dim(3), 4));
  EXPECT_EQ(floor_div(Dim(-7), 2), Dim(-4));
  EXPECT_EQ(floor_div(Dim(7), -2), Dim(-4));
  EXPECT_EQ(ceil_div(Dim(7), 2), Dim(4));
  EXPECT_EQ(floor_div(n, 1), n);
  EXPECT_THROW(floor_div(Dim(1), 0), Error);
}

TEST(Dim, ModHasTheSignOfTheDivisor) {
  EXPECT_EQ(mod(Dim(-7), 3), Dim(2));
  EXPECT_EQ(mod(Dim(7), -3), Dim(-2));
  EXPECT_EQ(mod(n, 1), Dim(0));
  EXPECT_EQ(mod(Dim(6) * n, 3), Dim(0));
}

TEST(Dim, MinAndMaxOfWhatDiffersByANumber) {
  EXPECT_EQ(min(n, n + 3), n);
  EXPECT_EQ(max(n, n + 3), n + 3);
  EXPECT_EQ(min(n, h), min(h, n));
  EXPECT_EQ(max(n, n), n);
  EXPECT_EQ(max(n, min(n, 512)), n);
  EXPECT_EQ(min(max(h, n), n), n);
  EXPECT_EQ(max(n, max(h, n)), max(n, h));
  EXPECT_EQ(min(min(n, h), h), min(n, h));
  EXPECT_EQ(max(n, max(min(n, 512), 0)), n);
  EXPECT_EQ(min(n * h, -1), Dim(-1));
  EXPECT_EQ(max(n - 1, 0).str(), "max(N - 1, 0)");
  EXPECT_EQ(max(floor_div(n + 1, 2), 0), floor_div(n + 1, 2));
  EXPECT_EQ(max(Dim(3), 5), Dim(5));
  EXPECT_EQ(min(Dim(3), 5), Dim(3));
}

TEST(Dim, SubstitutesAndEvaluates) {
  const Dim dim = floor_div(h + 1, 2) * w + mod(n, 4) - min(h, w);
  EXPECT_EQ(dim.evaluate({{"H", 7}, {"W", 5}, {"N", 6}}), 4 * 5 + 2 - 5);
  EXPECT_EQ(dim.evaluate({{"H", 7}}), std::nullopt);
  EXPECT_EQ((n + h).substitute({{"H", 2}}), n + 2);
  EXPECT_EQ((n * h).substitute({{"H", 0}}), Dim(0));
  std::set<std::string> names;
  dim.collect_symbols(names);
  EXPECT_EQ(names, (std::set<std::string>{"H", "N", "W"}));
  EXPECT_EQ(n.symbol_name(), "N");
  EXPECT_EQ((n + 1).symbol_name(), std::nullopt);
}

TEST(Dim, OverflowIsAnError) {
  const Dim large(int64_t{1} << 62);
  EXPECT_THROW(large * 4, Error);
  EXPECT_THROW(large + large, Error);
  EXPECT_THROW((n * large) * (h * 4), Error);
}

}  // namespace
}  // namespace drawbar
