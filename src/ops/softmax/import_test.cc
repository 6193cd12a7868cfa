#include <cmath>

#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

TEST(BiasSoftmax, GoesOverAllDimensionsFromTheAxisOn) {
  const float three = std::log(3.0f), four = std::log(4.0f);
  const Tensor x = Tensor::from<float>({2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0});
  const Tensor bias = Tensor::from<float>({1, 2, 2}, {0, three, 0, three});
  OnnxNodeModel model("com.microsoft", "BiasSoftmax", {"f32[2, 2, 2]", "f32[1, 2, 2]"});
  model.set("axis", int64_t{1});
  model.set("is_inner_broadcast", int64_t{0});
  expect_close(model.run({x, bias})[0],
               Tensor::from<float>(
                   {2, 2, 2}, {0.125f, 0.375f, 0.125f, 0.375f, 0.125f, 0.375f, 0.125f, 0.375f}),
               1e-6, 0, "from axis 1");
  OnnxNodeModel last("com.microsoft", "BiasSoftmax", {"f32[1, 2]", "f32[1, 2]"});
  last.set("axis", int64_t{-1});
  const Tensor row = Tensor::from<float>({1, 2}, {0, 0});
  expect_close(last.run({row, Tensor::from<float>({1, 2}, {0, four})})[0],
               Tensor::from<float>({1, 2}, {0.2f, 0.8f}), 1e-6, 0, "the last axis");
}

TEST(BiasSoftmax, RefusesAnAxisThatIsNotThere) {
  OnnxNodeModel model("com.microsoft", "BiasSoftmax", {"f32[2, 2]", "f32[2, 2]"});
  model.set("axis", int64_t{2});
  EXPECT_EQ(model.error().find("INVALID_MODEL"), 0u) << model.error();
}

}  // namespace
}  // namespace drawbar
