#include "base/lazy.h"

#include <gtest/gtest.h>
#include <stdexcept>

namespace drawbar {
namespace {

TEST(Lazy, MakesItsValueOnce) {
  const Lazy<int> lazy;
  int made = 0;
  const auto make = [&] { return ++made; };
  const int* first = &lazy.get(make);
  EXPECT_EQ(&lazy.get(make), first);
  EXPECT_EQ(*first, 1);
}

TEST(Lazy, CopiesBeginWithoutIt) {
  const Lazy<int> lazy;
  EXPECT_EQ(lazy.get([] { return 1; }), 1);
  Lazy<int> copy = lazy;  // NOLINT: the copy is the test
  EXPECT_EQ(copy.get([] { return 2; }), 2);
  copy = lazy;
  EXPECT_EQ(copy.get([] { return 3; }), 3);
  EXPECT_EQ(lazy.get([] { return 4; }), 1);
}

TEST(Lazy, TriesAgainAfterAnException) {
  const Lazy<int> lazy;
  EXPECT_THROW(lazy.get([]() -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(lazy.get([] { return 5; }), 5);
}

}  // namespace
}  // namespace drawbar
