#include <cmath>

#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

TEST(SwiGLU, GatesByTheScaledSigmoid) {
  OnnxNodeModel model("", "SwiGLU", {"f32[2]", "f32[2]"});
  model.set("alpha", 2.f);
  const Tensor a = Tensor::from<float>({2}, {0, 1}), b = Tensor::from<float>({2}, {5, 3});
  const Tensor expected = Tensor::from<float>({2}, {0, 3 / (1 + std::exp(-2.f))});
  expect_close(model.run({a, b})[0], expected, 1e-6, 0, "y");
}

TEST(SwiGLU, DoesNotBroadcast) {
  EXPECT_EQ(
      OnnxNodeModel("", "SwiGLU", {"f32[2, 3]", "f32[3]"}).error(),
      "INVALID_MODEL: import: node 'y0' (SwiGLU): B is f32[3], expected A's shape, f32[2, 3]");
  EXPECT_EQ(OnnxNodeModel("", "SwiGLU", {"f32[2, 3]", "f32[2, 1]"}).error(),
            "INVALID_MODEL: import: node 'y0' (SwiGLU): B is f32[2, 1], expected A's shape, "
            "f32[2, 3]");
  EXPECT_EQ(OnnxNodeModel("", "SwiGLU", {"f32[N, 3]", "f32[M, 3]"}).error(), "no error");
}

}  // namespace
}  // namespace drawbar
