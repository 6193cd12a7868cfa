#include <cmath>

#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

// Two groups of two channels, whose elements are 1, 3 and 2, 6 at one pixel: -1, 1 when normalised.
const Tensor pixel = Tensor::from<float>({1, 1, 1, 4}, {1, 3, 2, 6});
const Tensor gamma = Tensor::from<float>({4}, {1, 2, 1, 2}),
             beta = Tensor::from<float>({4}, {0, 1, 0, 1});

OnnxNodeModel group_norm(const std::string& type, const std::vector<std::string>& inputs,
                         size_t outputs = 1) {
  OnnxNodeModel model("com.microsoft", type, inputs, outputs);
  model.set("groups", int64_t{2});
  model.set("epsilon", 1e-9f);
  return model;
}

float swish(float x) { return x / (1 + std::exp(-x)); }

TEST(ContributedGroupNorm, NormalisesWithChannelsLastOrSecond) {
  const OnnxNodeModel last = group_norm("GroupNorm", {"f32[1, 1, 1, 4]", "f32[4]", "f32[4]"});
  const Tensor expected = Tensor::from<float>({1, 1, 1, 4}, {-1, 3, -1, 3});
  expect_close(last.run({pixel, gamma, beta})[0], expected, 1e-5, 0, "channels last");
  OnnxNodeModel second = group_norm("GroupNorm", {"f32[1, 4, 1, 1]", "f32[4]", "f32[4]"});
  second.set("channels_last", int64_t{0});
  expect_close(second.run({pixel.reshaped({1, 4, 1, 1}), gamma, beta})[0],
               expected.reshaped({1, 4, 1, 1}), 1e-5, 0, "channels second");
}

TEST(ContributedGroupNorm, AppliesSilu) {
  OnnxNodeModel model = group_norm("GroupNorm", {"f32[1, 1, 1, 4]", "f32[4]", "f32[4]"});
  model.set("activation", int64_t{1});
  const float low = swish(-1), high = swish(3);
  expect_close(model.run({pixel, gamma, beta})[0],
               Tensor::from<float>({1, 1, 1, 4}, {low, high, low, high}), 1e-5, 0, "y");
}

TEST(ContributedGroupNorm, RefusesBadAttributes) {
  OnnxNodeModel model = group_norm("GroupNorm", {"f32[1, 1, 1, 4]", "f32[4]", "f32[4]"});
  model.set("activation", int64_t{2});
  EXPECT_EQ(model.error(),
            "INVALID_MODEL: import: node 'y0' (GroupNorm): activation is 2, expected 0 or 1");
}

TEST(SkipGroupNorm, AddsSkipAndBiasAndGivesTheSum) {
  const Tensor half = Tensor::from<float>({1, 1, 1, 4}, {0, 1, 1, 2});
  const Tensor bias = Tensor::from<float>({4}, {0, 1, 1, 2});
  const Tensor x = Tensor::from<float>({1, 1, 1, 4}, {1, 1, 0, 2});  // all three: the pixel
  const Tensor expected = Tensor::from<float>({1, 1, 1, 4}, {-1, 3, -1, 3});
  // The skip as an image and as one number for each channel.
  for (const Shape& shape : {Shape{1, 1, 1, 4}, Shape{1, 4}}) {
    const std::string skip = shape.size() == 4 ? "f32[1, 1, 1, 4]" : "f32[1, 4]";
    const OnnxNodeModel model =
        group_norm("SkipGroupNorm", {"f32[1, 1, 1, 4]", "f32[4]", "f32[4]", skip, "f32[4]"}, 2);
    const std::vector<Tensor> results = model.run({x, gamma, beta, half.reshaped(shape), bias});
    expect_close(results[0], expected, 1e-5, 0, "y");
    expect_close(results[1], pixel, 0, 0, "the sum");
  }
}

}  // namespace
}  // namespace drawbar
