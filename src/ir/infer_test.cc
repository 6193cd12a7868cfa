#include "ir/infer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drawbar {
namespace {

Dims dims(std::initializer_list<const char*> texts) {
  Dims result;
  for (const char* text : texts) result.push_back(Dim::parse(text));
  return result;
}

TEST(Broadcast, FollowsNumpy) {
  EXPECT_EQ(broadcast(dims({"N", "3", "1"}), dims({"5"})), dims({"N", "3", "5"}));
  EXPECT_EQ(broadcast(dims({"1", "H"}), dims({"7", "1"})), dims({"7", "H"}));
  EXPECT_EQ(broadcast(dims({"N"}), dims({"4"})), dims({"4"}));
  EXPECT_EQ(broadcast(dims({"N"}), dims({"N"})), dims({"N"}));
  EXPECT_EQ(broadcast(dims({"N"}), dims({"M"})), dims({"max(M, N)"}));
  EXPECT_EQ(broadcast({}, dims({"2", "3"})), dims({"2", "3"}));
  EXPECT_EQ(broadcast(dims({"0"}), dims({"1"})), dims({"0"}));
  EXPECT_THROW(broadcast(dims({"2"}), dims({"3"})), Error);
}

TEST(Infer, AxesCountFromBothEnds) {
  EXPECT_EQ(Infer::axis(-1, 4), 3);
  EXPECT_EQ(Infer::axis(0, 4), 0);
  EXPECT_THROW(Infer::axis(4, 4), Error);
  EXPECT_THROW(Infer::axis(-5, 4), Error);
  EXPECT_THROW(Infer::axis(0, 0), Error);
}

TEST(Infer, EqualDimensionsPreferNumbers) {
  EXPECT_EQ(Infer::same(Dim::symbol("N"), 3, "x"), Dim(3));
  EXPECT_EQ(Infer::same(3, Dim::symbol("N"), "x"), Dim(3));
  EXPECT_THROW(Infer::same(3, 4, "x"), Error);
}

TEST(Infer, ContentsOfConstantsAndSymbols) {
  const Type type(ElementType::i64, {Dim(2)});
  const Tensor tensor = Tensor::from<int64_t>({2}, {4, -1});
  const Dims symbolic = dims({"N", "2*N"});
  Infer context("node", {{&type, &tensor, nullptr}, {&type, nullptr, &symbolic}, {&type}}, 1);
  EXPECT_EQ(context.content(0), dims({"4", "-1"}));
  EXPECT_EQ(context.content(1), symbolic);
  EXPECT_EQ(context.content(2), std::nullopt);
  EXPECT_EQ(context.content(3), std::nullopt);
}

TEST(Infer, MissingInputsAreNamed) {
  const Type type(ElementType::f32, {Dim(2)});
  Infer context("node", {{&type}, {}}, 1);
  EXPECT_TRUE(context.has(0));
  EXPECT_FALSE(context.has(1));
  EXPECT_FALSE(context.has(7));
  EXPECT_THROW(context.type(1), Error);
  EXPECT_THROW(context.expect_inputs(2, 2), Error);
  EXPECT_THROW(context.expect_inputs(3, 3), Error);
  EXPECT_NO_THROW(context.expect_inputs(1, 2));
  EXPECT_THROW(context.expect_rank(0, 2, "x"), Error);
}

TEST(Infer, FreshSymbolsAreReproducible) {
  Infer context("layer 1/nonzero", {}, 1);
  EXPECT_EQ(context.fresh("n", 5).str(), "?layer_1/nonzero.n0");
  EXPECT_EQ(context.fresh("n", 5).str(), "?layer_1/nonzero.n1");
  EXPECT_EQ(context.fresh_symbols().size(), 2u);
  const Dim symbol = context.fresh("n", 5);
  EXPECT_EQ(Dim::parse(symbol.str()), symbol);
}

}  // namespace
}  // namespace drawbar
