#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

Tensor floats(Shape shape, std::initializer_list<float> values) {
  return Tensor::from<float>(std::move(shape), values);
}

/// Positions 0 and 1 are no turn and a quarter turn.
const Tensor& cos_cache() {
  static const Tensor cache = floats({2, 1}, {1, 0});
  return cache;
}
const Tensor& sin_cache() {
  static const Tensor cache = floats({2, 1}, {0, 1});
  return cache;
}

OnnxNodeModel flat(int64_t heads) {
  OnnxNodeModel model("", "RotaryEmbedding",
                      {"f32[B, S, 4]", "f32[P, 1]", "f32[P, 1]", "i64[B, S]"});
  model.set("num_heads", heads);
  return model;
}

TEST(RotaryEmbedding, SplitsHeadsOfRank3) {
  const Tensor positions = Tensor::from<int64_t>({1, 2}, {int64_t{1}, int64_t{0}});
  const Tensor x = floats({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor y = flat(2).run({x, cos_cache(), sin_cache(), positions})[0];
  EXPECT_TRUE(y.identical(floats({1, 2, 4}, {-2, 1, -4, 3, 5, 6, 7, 8})));
}

TEST(RotaryEmbedding, RefusesHeadsThatDoNotFit) {
  const std::string place = "INVALID_MODEL: import: node 'y0' (RotaryEmbedding): ";
  EXPECT_EQ(flat(3).error(), place + "x has 4 columns, which 3 heads do not divide");
  EXPECT_EQ(flat(0).error(), place + "x has rank 3, but num_heads is missing");
  EXPECT_EQ(flat(-1).error(), place + "num_heads is -1, expected at least 0");
  EXPECT_NE(flat(INT64_MAX).error(), "no error");
  OnnxNodeModel line("", "RotaryEmbedding", {"f32[4]", "f32[1, 1]", "f32[1, 1]"});
  EXPECT_EQ(line.error(), place + "x has rank 1, expected 3 or 4");
}

OnnxNodeModel microsoft(const std::string& x, const std::string& positions) {
  return OnnxNodeModel("com.microsoft", "RotaryEmbedding",
                       {x, positions, "f32[2, 1]", "f32[2, 1]"});
}

/// Its inputs have another order, a lone position is the first row's, and the caches tell the size
/// of a head.
TEST(RotaryEmbedding, MicrosoftCountsFromTheFirstPosition) {
  const Tensor x = floats({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor expected = floats({1, 2, 4}, {1, 2, 3, 4, -6, 5, -8, 7});
  const Tensor first = Tensor::from<int64_t>({1}, {int64_t{0}});
  const auto run = [&](const OnnxNodeModel& model, const Tensor& given, const Tensor& positions) {
    return model.run({given, positions, cos_cache(), sin_cache()})[0];
  };
  EXPECT_TRUE(run(microsoft("f32[B, S, 4]", "i64[1]"), x, first).identical(expected));
  EXPECT_TRUE(run(microsoft("f32[B, S, 4]", "i64[]"), x, first.reshaped({})).identical(expected));
  const Tensor heads = floats({1, 2, 2, 2}, {1, 2, 5, 6, 3, 4, 7, 8});  // [B, H, S, D]
  EXPECT_TRUE(run(microsoft("f32[B, 2, S, 2]", "i64[1]"), heads, first)
                  .identical(floats({1, 2, 2, 2}, {1, 2, -6, 5, 3, 4, -8, 7})));
  EXPECT_NE(microsoft("f32[1, 2, 4]", "_").error().find("a required input is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace drawbar
