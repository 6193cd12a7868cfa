// What files say of quantised operators and inference does not refuse: scales, missing inputs.
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/onnx_node.h"

namespace drawbar {
namespace {

/// A node whose inputs are types, or numbers: f32 constants ("0.5", "nan").
OnnxNodeModel model_of(const std::string& type, const std::vector<std::string>& inputs,
                       const std::string& domain = "") {
  std::vector<std::string> types = inputs;
  for (std::string& text : types) {
    if (text.find('[') == std::string::npos) text = "_";
  }
  OnnxNodeModel model(domain, type, types);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (types[i] != "_" || inputs[i] == "_") continue;
    const std::string name = "c" + std::to_string(i);
    drawbar_onnx::TensorProto& held = *model.graph().add_initializer();
    held.set_name(name);
    held.set_data_type(1);
    held.add_float_data(std::stof(inputs[i]));
    model.node().set_input(static_cast<int>(i), name);
  }
  return model;
}

void expect_error(const OnnxNodeModel& model, const std::string& words) {
  const std::string error = model.error();
  EXPECT_TRUE(error.starts_with("INVALID_MODEL")) << error;
  EXPECT_NE(error.find(words), std::string::npos) << error;
}

const std::vector<std::string> kLinear[] = {
    {"u8[1, 2, 3, 3]", "f32[]", "u8[]", "i8[4, 2, 1, 1]", "f32[]", "i8[]", "f32[]", "u8[]"},
    {"u8[3, 4]", "f32[]", "u8[]", "i8[4, 5]", "f32[]", "i8[]", "f32[]", "u8[]"}};

TEST(QuantizedImport, LinearOperatorsNeedAllTheirInputs) {
  for (const auto& inputs : kLinear) {
    const std::string type = &inputs == kLinear ? "QLinearConv" : "QLinearMatMul";
    EXPECT_EQ(model_of(type, inputs).error(), "no error");
    for (size_t i : {1, 2, 4, 5, 6, 7}) {
      std::vector<std::string> fewer = inputs;
      fewer[i] = "_";
      expect_error(model_of(type, fewer), "(input " + std::to_string(i) + ") is missing");
    }
    const std::vector<std::string> without_y(inputs.begin(), inputs.end() - 2);
    expect_error(model_of(type, without_y), "y_scale (input 6) is missing");
  }
  std::vector<std::string> more = kLinear[1];
  more.push_back("i32[5]");
  expect_error(model_of("QLinearMatMul", more), "has 9 inputs, expected 8");
}

TEST(QuantizedImport, RefusesScalesThatAreNone) {
  for (const char* const scale : {"0", "-1", "nan", "inf"}) {
    expect_error(model_of("QuantizeLinear", {"f32[3]", scale, "u8[]"}), "y_scale (input 1) is");
    std::vector<std::string> inputs = kLinear[0];
    inputs[1] = scale;
    expect_error(model_of("QLinearConv", inputs), "x_scale (input 1) is");
    inputs = kLinear[1];
    inputs[6] = scale;
    expect_error(model_of("QLinearMatMul", inputs), "y_scale (input 6) is");
  }
  for (const char* const scale : {"nan", "-inf"}) {
    expect_error(model_of("DequantizeLinear", {"i8[3]", scale}), "x_scale (input 1) is");
    std::vector<std::string> inputs = kLinear[0];
    inputs[4] = scale;
    expect_error(model_of("QLinearConv", inputs), "w_scale (input 4) is");
    expect_error(
        model_of("QLinearSigmoid", {"u8[3]", scale, "u8[]", "f32[]", "u8[]"}, "com.microsoft"),
        "a scale (input 1) is");
  }
  // Weights of zeros, and those whose farthest number is the lowest one.
  for (const char* const scale : {"0", "-0.5"})
    EXPECT_EQ(model_of("DequantizeLinear", {"i8[3]", scale}).error(), "no error");
}

TEST(QuantizedImport, RefusesZeroPointsAndBlocksThatDoNotFit) {
  expect_error(model_of("QuantizeLinear", {"f32[3]", "f32[]", "i32[]"}), "to is i32");
  expect_error(model_of("DequantizeLinear", {"i8[3]", "f32[]", "u8[]"}), "zero_point is u8");
  expect_error(model_of("QLinearMatMul", {"u8[3, 4]", "f32[]", "i8[]", "i8[4, 5]", "f32[]", "i8[]",
                                          "f32[]", "u8[]"}),
               "a_zero_point is i8, expected u8");
  OnnxNodeModel blocks = model_of("DequantizeLinear", {"i8[32, 3]", "f32[3, 3]"});
  blocks.set("axis", int64_t{0});
  blocks.set("block_size", int64_t{16});
  expect_error(blocks, "fits neither");
  OnnxNodeModel negative = model_of("DequantizeLinear", {"i8[32, 3]", "f32[2, 3]"});
  negative.set("block_size", int64_t{-16});
  expect_error(negative, "block_size is -16");
}

}  // namespace
}  // namespace drawbar
