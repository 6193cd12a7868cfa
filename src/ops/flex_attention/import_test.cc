#include "ops/attention/op.h"
#include "tests/support/onnx_node.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

/// FlexAttention on Q, K and V of `types`; more of them are inputs of the graph alone, x3, x4, ….
OnnxNodeModel attention(const std::vector<std::string>& types) {
  OnnxNodeModel model("ai.onnx.preview", "FlexAttention", types);
  while (model.node().input_size() > 3) model.node().mutable_input()->RemoveLast();
  return model;
}

/// A graph `attribute` of one node: `type` of its input "in" and perhaps `other`.
drawbar_onnx::GraphProto& modify(OnnxNodeModel& model, const std::string& attribute,
                                 const std::string& type, const std::string& other = {}) {
  drawbar_onnx::GraphProto& graph = *model.attribute(attribute, 5).mutable_g();
  OnnxNodeModel::declare(*graph.add_input(), "in", InputText("f32[B, H, L, S]").type.tensor);
  drawbar_onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(type);
  node.add_input("in");
  if (!other.empty()) node.add_input(other);
  node.add_output("out");
  graph.add_output()->set_name("out");
  return graph;
}

std::vector<Tensor> operands(const std::vector<std::string>& types) {
  std::vector<Tensor> tensors;
  for (const std::string& type : types) tensors.push_back(draw(type, tensors.size() + 1));
  return tensors;
}

TEST(FlexAttention, IsAttentionWhereNothingIsModified) {
  const Graph graph = attention({"f32[1, 4, 3, 8]", "f32[1, 2, 5, 8]", "f32[1, 2, 5, 7]"}).import();
  ASSERT_EQ(graph.order().size(), 1u);
  EXPECT_TRUE(graph.node(graph.order()[0]).op.as<ops::Attention>());
}

/// The steps one by one give what Attention gives: heads in groups, a scale, half precision.
TEST(FlexAttention, StepsAgreeWithAttention) {
  for (const std::string element : {"f32", "f16", "bf16", "f64"}) {
    for (int64_t groups : {1, 2, 4}) {
      const std::vector<std::string> types = {element + "[2, 4, 7, 8]",
                                              fmt::format("{}[2, {}, 13, 8]", element, groups),
                                              fmt::format("{}[2, {}, 13, 3]", element, groups)};
      OnnxNodeModel whole = attention(types), steps = attention(types);
      for (OnnxNodeModel* model : {&whole, &steps}) model->set("scale", 0.7f);
      modify(steps, "score_mod", "Identity");
      modify(steps, "prob_mod", "Identity");
      const std::vector<Tensor> inputs = operands(types);
      const double rtol = element == "f32" || element == "f64" ? 1e-5 : 1e-2;
      expect_close(steps.run(inputs)[0], whole.run(inputs)[0], rtol, rtol,
                   fmt::format("{}, {} heads of keys", element, groups));
    }
  }
}

/// A score of minus infinity leaves a key out, and the graphs may read values around them.
TEST(FlexAttention, GraphsReadValuesAroundThem) {
  const std::vector<std::string> types = {"f32[1, 1, 1, 2]", "f32[1, 1, 2, 2]", "f32[1, 1, 2, 1]",
                                          "f32[2]", "f32[]"};
  OnnxNodeModel model = attention(types);
  modify(model, "score_mod", "Add", "x3");
  modify(model, "prob_mod", "Mul", "x4");
  std::vector<Tensor> inputs = operands(types);
  inputs[2] = Tensor::from<float>({1, 1, 2, 1}, {3, 5});
  inputs[3] = Tensor::from<float>({2}, {-std::numeric_limits<float>::infinity(), 0});
  inputs[4] = Tensor::scalar(2.f);
  EXPECT_TRUE(model.run(inputs)[0].identical(Tensor::from<float>({1, 1, 1, 1}, {10})));
}

const std::vector<std::string> plain = {"f32[1, 2, 3, 4]", "f32[1, 2, 5, 4]", "f32[1, 2, 5, 6]"};

TEST(FlexAttention, RefusesGraphsThatChangeTheType) {
  const std::string place = "INVALID_MODEL: import: node 'y0' (FlexAttention): ";
  OnnxNodeModel shape = attention(plain);
  modify(shape, "score_mod", "Transpose");
  EXPECT_EQ(shape.error(), place + "score_mod gives f32[5, 3, 2, 1], expected f32[1, 2, 3, 5]");
  OnnxNodeModel element = attention(plain);
  modify(element, "prob_mod", "IsNaN");
  EXPECT_EQ(element.error(), place + "prob_mod gives bool[1, 2, 3, 5], expected f32[1, 2, 3, 5]");
  OnnxNodeModel outputs = attention(plain);
  modify(outputs, "prob_mod", "Identity").add_output()->set_name("in");
  EXPECT_EQ(outputs.error(), place + "prob_mod has 2 outputs, expected 1");
  OnnxNodeModel inputs = attention(plain);
  OnnxNodeModel::declare(*modify(inputs, "prob_mod", "Identity").add_input(), "more",
                         InputText("f32[]").type.tensor);
  EXPECT_NE(inputs.error().find("has 2 inputs, expected 1"), std::string::npos) << inputs.error();
}

TEST(FlexAttention, RefusesBadOperands) {
  const auto error = [](std::vector<std::string> types) {
    OnnxNodeModel model("ai.onnx.preview", "FlexAttention", types);
    modify(model, "score_mod", "Identity");
    return model.error();
  };
  const auto expect_words = [](const std::string& found, const std::string& words) {
    EXPECT_NE(found.find(words), std::string::npos) << found;
  };
  expect_words(error({plain[0], plain[1]}), "a required input is missing");
  expect_words(error({plain[0], plain[1], plain[2], "f32[3, 5]"}), "has 4 inputs, expected 3");
  expect_words(error({"f32[1, 3, 3, 4]", plain[1], plain[2]}), "q has 3 heads, which k's 2");
  expect_words(error({plain[0], plain[1], "f64[1, 2, 5, 6]"}), "V is f64, but Q is f32");
  expect_words(error({"f32[3, 4]", plain[1], plain[2]}), "q has rank 2, expected 4");
  expect_words(error({"f32[1, H, 3, 4]", plain[1], plain[2]}), "must be known and at least 1");
  OnnxNodeModel precision = attention(plain);
  precision.set("softmax_precision", int64_t{7});
  expect_words(precision.error(), "softmax_precision is i64, expected a float type");
}

}  // namespace
}  // namespace drawbar
