#include <gtest/gtest.h>

#include "ir/type.h"
#include "ops/map/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

const OpCase cases[] = {
    {"zip", ZipMap{}, {"f32[13, 3]", "i64[3] = [4, 5, 6]"}},
    {"zip one row", ZipMap{}, {"f32[2]", "string[2] = [\"a\", \"b\"]"}},
    {"zip no rows", ZipMap{}, {"f32[0, 1]", "i64[1] = [7]"}},
    {"strings", DictVectorizer{}, {"map(string, f32[])", "string[3] = [\"k2\", \"x\", \"k0\"]"}},
    {"integers", DictVectorizer{}, {"map(i64, string[])", "i64[4] = [1, 1, 9, 0]"}},
    {"doubles", DictVectorizer{}, {"map(i64, f64[])", "i64[1] = [2]"}},
    {"values", MapValues{}, {"map(i64, f32[])"}},
    {"values by key", MapValues{7}, {"map(i64, string[])"}},
};

const Rejection rejected[] = {
    {"keys", ZipMap{}, {"f32[2, 3]", "i64[2] = [1, 2]"}, "keys"},
    {"f64", ZipMap{}, {"f64[2, 1]", "i64[1] = [1]"}, "x is f64, expected f32"},
    {"key type", ZipMap{}, {"f32[2, 1]", "f32[1] = [1.0]"}, "the keys are f32"},
    {"no map", DictVectorizer{}, {"f32[2]", "i64[1] = [1]"}, "expected a map"},
    {"vocabulary",
     DictVectorizer{},
     {"map(i64, f32[])", "string[1] = [\"a\"]"},
     "the map's keys are i64, the vocabulary's string"},
    {"string keys", MapValues{}, {"map(string, f32[])"}, "the keys are string, expected i64"},
    {"size", MapValues{-1}, {"map(i64, f32[])"}, "size is -1, expected at least 0"},
};

TEST(Map, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Map, RefusesBadNodes) { expect_rejected(rejected); }

Tensor map_of(Tensor keys, Tensor values) {
  return Tensor::compound(Tensor::Kind::map, {std::move(keys), std::move(values)});
}

TEST(Map, ZipMapGivesARowToEachMap) {
  const Tensor keys = Tensor::from<std::string>({2}, {"no", "yes"});
  const Tensor sequence =
      run_reference(ZipMap{}, {Tensor::from<float>({2, 2}, {1, 2, 3, 4}), keys})[0];
  ASSERT_EQ(sequence.elements().size(), 2u);
  EXPECT_EQ(to_string(Type::of(sequence)), "seq(map(string, f32[]))");
  EXPECT_EQ(sequence.elements()[1].elements()[1].data<float>()[1], 4);
}

TEST(Map, ValuesComeInTheOrderOfTheKeys) {
  const Tensor map = map_of(Tensor::from<int64_t>({2}, {3, 1}), Tensor::from<float>({2}, {30, 10}));
  const Tensor dense = run_reference(MapValues{}, {map})[0];
  EXPECT_TRUE(dense.identical(Tensor::from<float>({1, 2}, {10, 30})));
  const Tensor sparse = run_reference(MapValues{4}, {map})[0];
  EXPECT_TRUE(sparse.identical(Tensor::from<float>({1, 4}, {0, 10, 0, 30})));
  EXPECT_THROW(run_reference(MapValues{3}, {map}), Error);
}

TEST(Map, RefusesMapsThatContradictThemselves) {
  const Tensor keys = Tensor::from<int64_t>({2}, {3, 1}), one = Tensor::from<float>({1}, {1});
  EXPECT_THROW(run_reference(MapValues{}, {map_of(keys, one)}), Error);
  const Tensor texts = Tensor::from<std::string>({1}, {"a"});
  EXPECT_THROW(run_reference(DictVectorizer{}, {map_of(texts, one), keys}), Error);
}

}  // namespace
}  // namespace drawbar
