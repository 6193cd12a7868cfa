#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

// Two channels, 1 and 10 times the pixel's number; the kernel's two taps take one channel each.
const Tensor image = Tensor::from<float>({1, 1, 3, 2}, {1, 10, 2, 20, 3, 30});
const Tensor weights = Tensor::from<float>({1, 1, 2, 2}, {1, 0, 0, 1});

TEST(NhwcConv, ReadsChannelsAtTheEnd) {
  const OnnxNodeModel plain("com.microsoft", "NhwcConv", {"f32[1, 1, 3, 2]", "f32[1, 1, 2, 2]"});
  expect_close(plain.run({image, weights})[0], Tensor::from<float>({1, 1, 2, 1}, {21, 32}), 0, 0,
               "no bias");
  OnnxNodeModel padded("com.microsoft", "NhwcConv",
                       {"f32[1, 1, 3, 2]", "f32[1, 1, 2, 2]", "f32[1]"});
  drawbar_onnx::AttributeProto& pads = padded.attribute("pads", 7);
  for (int64_t pad : {0, 1, 0, 0}) pads.add_ints(pad);
  expect_close(padded.run({image, weights, Tensor::from<float>({1}, {0.5f})})[0],
               Tensor::from<float>({1, 1, 3, 1}, {10.5f, 21.5f, 32.5f}), 0, 0, "pads and bias");
}

TEST(FusedConv, AddsTheResidualBeforeTheActivation) {
  OnnxNodeModel model("com.microsoft", "FusedConv",
                      {"f32[1, 1, 1, 2]", "f32[1, 1, 1, 1]", "_", "f32[1, 1, 1, 2]"});
  model.set("activation", std::string("Relu"));
  const Tensor x = Tensor::from<float>({1, 1, 1, 2}, {1, 2});
  const Tensor w = Tensor::from<float>({1, 1, 1, 1}, {3});
  expect_close(model.run({x, w, Tensor::from<float>({1, 1, 1, 2}, {1, -7})})[0],
               Tensor::from<float>({1, 1, 1, 2}, {4, 0}), 0, 0, "y");
}

}  // namespace
}  // namespace drawbar
