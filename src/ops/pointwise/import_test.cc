#include <cmath>

#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

TEST(BiasAdd, AddsBiasAndSkip) {
  const OnnxNodeModel model("com.microsoft", "BiasAdd", {"f32[1, 2, 2]", "f32[2]", "f32[1, 2, 2]"});
  const Tensor x = Tensor::from<float>({1, 2, 2}, {1, 2, 3, 4});
  const Tensor bias = Tensor::from<float>({2}, {10, 20});
  const Tensor skip = Tensor::from<float>({1, 2, 2}, {100, 200, 300, 400});
  expect_close(model.run({x, bias, skip})[0], Tensor::from<float>({1, 2, 2}, {111, 222, 313, 424}),
               0, 0, "y");
}

TEST(BiasSplitGelu, GatesTheFirstHalfByTheSecond) {
  const OnnxNodeModel model("com.microsoft", "BiasSplitGelu", {"f32[1, 1, 4]", "f32[4]"});
  const Tensor x = Tensor::from<float>({1, 1, 4}, {1, 2, 0, -2});
  const Tensor bias = Tensor::from<float>({4}, {1, 1, 1, 1});
  const auto gelu = [](float v) { return 0.5f * v * (1 + std::erf(v / std::sqrt(2.0f))); };
  expect_close(model.run({x, bias})[0], Tensor::from<float>({1, 1, 2}, {2 * gelu(1), 3 * gelu(-1)}),
               1e-6, 0, "y");
}

}  // namespace
}  // namespace drawbar
