#include <cmath>

#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

TEST(SoftmaxCrossEntropyLoss, RoundsHalfPrecisionOnce) {
  OnnxNodeModel model("", "SoftmaxCrossEntropyLoss", {"f16[2, 2]", "i64[2]"}, 2);
  model.set("reduction", std::string("sum"));
  const Tensor scores = Tensor::from<Float16>({2, 2}, {0.f, 0.f, 0.f, 3.f});
  const Tensor target = Tensor::from<int64_t>({2}, {int64_t{1}, int64_t{0}});
  const std::vector<Tensor> results = model.run({scores, target});
  const double rest = std::log1p(std::exp(-3.0));
  const auto loss = static_cast<float>(std::log(2.0) + 3 + rest);
  EXPECT_TRUE(results[0].identical(Tensor::scalar(Float16(loss))));
  const auto half = static_cast<float>(-std::log(2.0));
  const Tensor expected = Tensor::from<Float16>(
      {2, 2}, {half, half, static_cast<float>(-3 - rest), static_cast<float>(-rest)});
  EXPECT_TRUE(results[1].identical(expected));
}

TEST(SoftmaxCrossEntropyLoss, RefusesReductionsItDoesNotKnow) {
  OnnxNodeModel model("", "SoftmaxCrossEntropyLoss", {"f32[2, 2]", "i64[2]"});
  model.set("reduction", std::string("median"));
  EXPECT_NE(model.error().find("INVALID_MODEL: import: node 'y0' (SoftmaxCrossEntropyLoss): "
                               "attribute 'reduction' is 'median'"),
            std::string::npos)
      << model.error();
}

}  // namespace
}  // namespace drawbar
