#include "ir/evaluate_graph.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace drawbar {
namespace {

using Kind = Tensor::Kind;

/// What bind_inputs says of a value given for an input of that type.
std::string answer(const std::string& type, const Tensor& given) {
  const Graph graph = parse("graph g(%x: " + type + ") { return %x }");
  try {
    bind_inputs(graph, {&given, 1});
  } catch (const Error& error) {
    return error.message();
  }
  return "taken";
}

const Tensor two = Tensor::from<float>({2}, {1, 2});
const Tensor three = Tensor::from<float>({3}, {1, 2, 3});
const Tensor whole = Tensor::from<int64_t>({2}, {1, 2});

TEST(BindInputs, ChecksEveryElementOfASequence) {
  EXPECT_EQ(answer("seq(f32[2])", Tensor::compound(Kind::sequence, {})), "taken");
  EXPECT_EQ(answer("seq(f32[N])", Tensor::compound(Kind::sequence, {two, three})), "taken");
  EXPECT_EQ(answer("seq(f32[2])", Tensor::compound(Kind::sequence, {two, three})),
            "input 'x', element 1 is f32[3], expected f32[2]");
  EXPECT_EQ(answer("seq(f32[2])", Tensor::compound(Kind::sequence, {two, whole})),
            "input 'x', element 1 is i64[2], expected f32[2]");
  EXPECT_EQ(answer("seq(f32[2])", Tensor::compound(Kind::sequence, {two, Tensor()})),
            "input 'x', element 1 is missing, expected f32[2]");
  EXPECT_EQ(answer("seq(f32[2])", two), "input 'x' is f32[2], expected seq(f32[2])");
}

TEST(BindInputs, TakesWhatAnOptionalHoldsAsItIs) {
  EXPECT_EQ(answer("opt(f32[2])", Tensor()), "taken");
  EXPECT_EQ(answer("opt(f32[2])", Tensor::compound(Kind::optional, {})), "taken");
  EXPECT_EQ(answer("opt(f32[2])", two), "taken");
  EXPECT_EQ(answer("opt(f32[2])", whole), "input 'x' is i64[2], expected f32[2]");
  EXPECT_EQ(answer("opt(f32[2])", Tensor::compound(Kind::optional, {three})),
            "input 'x', element 0 is f32[3], expected f32[2]");
  EXPECT_EQ(answer("opt(f32[2])", Tensor::compound(Kind::optional, {two, two})),
            "input 'x' is an optional of more than one value, expected opt(f32[2])");
}

TEST(BindInputs, ChecksTheKeysAndValuesOfAMap) {
  const auto map = [](std::vector<Tensor> parts) {
    return Tensor::compound(Kind::map, std::move(parts));
  };
  EXPECT_EQ(answer("map(i64, f32[])", map({whole, two})), "taken");
  const Tensor each = Tensor::compound(Kind::sequence, {three, three});
  EXPECT_EQ(answer("map(i64, f32[3])", map({whole, each})), "taken");
  const std::string rest = ", expected map(i64, f32[])";
  EXPECT_EQ(answer("map(i64, f32[])", map({two, two})),
            "input 'x' is a map with other keys" + rest);
  EXPECT_EQ(answer("map(i64, f32[])", map({whole, three})),
            "input 'x' is a map with other values, or not one for each key" + rest);
  EXPECT_EQ(answer("map(i64, f32[])", map({whole, whole})),
            "input 'x' is a map with other values, or not one for each key" + rest);
  EXPECT_EQ(answer("map(i64, f32[])", map({whole, Tensor()})),
            "input 'x' is a map without values" + rest);
  EXPECT_EQ(answer("map(i64, f32[])", map({whole})),
            "input 'x' is a map without keys and values" + rest);
}

}  // namespace
}  // namespace drawbar
