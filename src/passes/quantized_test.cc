#include "passes/pass_testing.h"

namespace drawbar {
namespace {

const std::string kHead =
    "graph g(%x: u8[N, 2, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
    " %w = const i8[4, 2, 1, 1] [1, -2, 3, -4, 5, -6, 7, -8];"
    " %ws = const f32[4] [0.25, 0.5, 1.0, 2.0]; %wz = const i8[4] [0, 0, 0, 0];"
    " %ys = const f32[] [2.0]; %yz = const u8[] [0];"
    " %xf = DequantizeLinear(%x, %s, %z);"
    " %wf = DequantizeLinear(%w, %ws, %wz) {axis = 0}; ";

TEST(FuseQuantized, ConvolutionsWithTheirBias) {
  const std::string fused = " return %y }";
  expect_pass("fuse_quantized",
              kHead +
                  "%b = const f32[4] [1.0, -0.5, 1.5, 8.0]; %c = Conv(%xf, %wf, %b)"
                  " %r = Relu(%c); %y = QuantizeLinear(%r, %ys, %yz); return %y }",
              "graph g(%x: u8[N, 2, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
              " %w = const i8[4, 2, 1, 1] [1, -2, 3, -4, 5, -6, 7, -8];"
              " %ws = const f32[4] [0.25, 0.5, 1.0, 2.0]; %wz = const i8[4] [0, 0, 0, 0];"
              " %ys = const f32[] [2.0]; %yz = const u8[] [0];"
              " %b = const i32[4] [8, -2, 3, 8];"
              " %y = QLinearConv(%x, %s, %z, %w, %ws, %wz, %ys, %yz, %b)" +
                  fused);
}

TEST(FuseQuantized, ConvolutionsInGroups) {
  const std::string head =
      "graph g(%x: u8[N, 4, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %w = const i8[2, 2, 1, 1] [1, -2, 3, -4]; %ws = const f32[2] [0.25, 0.5];"
      " %wz = const i8[2] [0, 1]; %ys = const f32[] [2.0]; %yz = const u8[] [0]; ";
  expect_pass(
      "fuse_quantized",
      head +
          "%xf = DequantizeLinear(%x, %s, %z);"
          " %wf = DequantizeLinear(%w, %ws, %wz) {axis = 0};"
          " %c = Conv(%xf, %wf) {group = 2}; %y = QuantizeLinear(%c, %ys, %yz); return %y }",
      head + "%y = QLinearConv(%x, %s, %z, %w, %ws, %wz, %ys, %yz) {group = 2}; return %y }");
}

TEST(FuseQuantized, ProductsTransposedOrNot) {
  const std::string head =
      "graph g(%x: u8[N, 3]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %ws = const f32[2] [0.25, 0.5]; %wz = const i8[2] [0, 0];"
      " %ys = const f32[] [2.0]; %yz = const u8[] [9]; ";
  const std::string fused = head +
                            "%t = const i8[3, 2] [1, 4, 2, 5, 3, 6]; %b = const i32[2] [8, -2]"
                            " %y = QLinearMatMul(%x, %s, %z, %t, %ws, %wz, %ys, %yz, %b)"
                            " return %y }";
  expect_pass("fuse_quantized",
              head +
                  "%w = const i8[2, 3] [1, 2, 3, 4, 5, 6]; %b = const f32[2] [1.0, -0.5]"
                  " %xf = DequantizeLinear(%x, %s, %z)"
                  " %wf = DequantizeLinear(%w, %ws, %wz) {axis = 0}"
                  " %c = MatMul(%xf, %wf, %b) {transpose_b = true}"
                  " %y = QuantizeLinear(%c, %ys, %yz); return %y }",
              fused);
  expect_pass("fuse_quantized",
              head +
                  "%w = const i8[3, 2] [1, 4, 2, 5, 3, 6]; %b = const f32[2] [1.0, -0.5]"
                  " %xf = DequantizeLinear(%x, %s, %z)"
                  " %wf = DequantizeLinear(%w, %ws, %wz) {axis = -1}"
                  " %c = MatMul(%xf, %wf, %b)"
                  " %y = QuantizeLinear(%c, %ys, %yz); return %y }",
              fused);
}

TEST(FuseQuantized, SumsWithTheirActivation) {
  const std::string head =
      "graph g(%a: u8[N, 7], %b: u8[N, 7]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %t = const f32[] [0.25]; %u = const f32[] [1.0]; %yz = const u8[] [0]; ";
  expect_pass("fuse_quantized",
              head +
                  "%af = DequantizeLinear(%a, %s, %z); %bf = DequantizeLinear(%b, %t, %z)"
                  " %c = Add(%af, %bf); %r = Relu(%c); %y = QuantizeLinear(%r, %u, %yz)"
                  " return %y }",
              head + "%y = QLinearAdd(%a, %s, %z, %b, %t, %z, %u, %yz); return %y }");
}

TEST(FuseQuantized, PartsOfAConcatenationForThemselves) {
  const std::string head =
      "graph g(%a: u8[N, 2, 5, 5], %b: u8[N, 3, 5, 5]) { %s = const f32[] [0.5];"
      " %z = const u8[] [3]; %t = const f32[] [0.25];"
      " %af = DequantizeLinear(%a, %s, %z); ";
  expect_pass("fuse_quantized",
              head +
                  "%bf = DequantizeLinear(%b, %s, %z); %c = Concat(%af, %bf) {axis = 1}"
                  " %y = QuantizeLinear(%c, %s, %z); return %y }",
              "graph g(%a: u8[N, 2, 5, 5], %b: u8[N, 3, 5, 5]) {"
              " %y = Concat(%a, %b) {axis = 1}; return %y }");
  expect_pass("fuse_quantized",
              head +
                  "%bf = DequantizeLinear(%b, %t, %z); %c = Concat(%af, %bf) {axis = 1}"
                  " %y = QuantizeLinear(%c, %s, %z); return %y }",
              "graph g(%a: u8[N, 2, 5, 5], %b: u8[N, 3, 5, 5]) { %s = const f32[] [0.5];"
              " %z = const u8[] [3]; %t = const f32[] [0.25];"
              " %bf = DequantizeLinear(%b, %t, %z); %bs = QuantizeLinear(%bf, %s, %z)"
              " %y = Concat(%a, %bs) {axis = 1}; return %y }");
}

TEST(FuseQuantized, AveragesOfBytes) {
  const std::string head =
      "graph g(%x: u8[N, 2, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3]; ";
  const std::string from = "%f = DequantizeLinear(%x, %s, %z); ";
  const std::string to = "%t = const f32[] [0.25]; %u = const u8[] [7]; ";
  const std::string windows = "{kernel = [2, 2], strides = [2, 2], count_include_pad = true}";
  expect_pass("fuse_quantized", head + from + "%y = GlobalAveragePool(%f); return %y }",
              head + "%y = QLinearAveragePool(%x, %s, %z); return %y }");
  expect_pass(
      "fuse_quantized",
      head + from + to + "%a = AveragePool(%f) " + windows +
          "; %r = Clip(%a) {min = -1.75, max = 100.0}; %y = QuantizeLinear(%r, %t, %u)"
          " return %y }",
      head + to + "%y = QLinearAveragePool(%x, %s, %z, %t, %u) " + windows + "; return %y }");
  expect_pass("fuse_quantized",
              head + from + to +
                  "%a = GlobalAveragePool(%f); %m = Flatten(%a) {axis = 1}"
                  " %p = Transpose(%m) {permutation = [1, 0]}; %y = QuantizeLinear(%p, %t, %u)"
                  " return %y }",
              head + to +
                  "%a = QLinearAveragePool(%x, %s, %z, %t, %u); %m = Flatten(%a) {axis = 1}"
                  " %y = Transpose(%m) {permutation = [1, 0]}; return %y }");
  // What others read stays f32; other pooling and other ranks stay as they are.
  expect_pass("fuse_quantized",
              head + from + to +
                  "%a = GlobalAveragePool(%f); %y = QuantizeLinear(%a, %t, %u); return %y, %a }",
              head + to +
                  "%a = QLinearAveragePool(%x, %s, %z); %y = QuantizeLinear(%a, %t, %u)"
                  " return %y, %a }");
  expect_pass("fuse_quantized", head + from + "%y = GlobalMaxPool(%f); return %y }", "unchanged");
  expect_pass("fuse_quantized",
              "graph g(%x: u8[N, 2, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3]; " + from +
                  "%y = GlobalAveragePool(%f); return %y }",
              "unchanged");
}

TEST(SinkDequantize, BelowWhatMovesNumbers) {
  const std::string head =
      "graph g(%x: u8[N, 2, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3]; ";
  const std::string from = "%f = DequantizeLinear(%x, %s, %z); ";
  const auto expect_sunk = [&](const std::string& constants, const std::string& op,
                               const std::string& rest, const std::string& sunk_rest) {
    expect_pass("sink_dequantize",
                head + constants + from + "%y = " + op + "(%f" + rest + " return %y }",
                head + constants + "%m = " + op + "(%x" + sunk_rest +
                    " %y = DequantizeLinear(%m, %s, %z); return %y }");
  };
  const auto expect_same = [&](const std::string& constants, const std::string& op,
                               const std::string& rest) { expect_sunk(constants, op, rest, rest); };
  expect_same("", "MaxPool", ") {kernel = [2, 2]};");
  expect_same("", "Transpose", ") {permutation = [0, 2, 3, 1]};");
  expect_same("", "Flatten", ") {axis = 1};");
  const std::string pads = "%p = const i64[8] [0, 0, 1, 1, 0, 0, 1, 1]; ";
  expect_sunk(pads, "Pad", ", %p);", ", %p, %z);");
  expect_pass(
      "sink_dequantize",
      head + pads + "%v = const f32[] [0.25]; " + from + "%y = Pad(%f, %p, %v); return %y }",
      "unchanged");
  expect_pass("sink_dequantize",
              "graph g(%x: u8[N, 2]) { %s = const f32[2] [0.5, 0.25]; %z = const u8[2] [3, 4]"
              " %f = DequantizeLinear(%x, %s, %z); %y = Transpose(%f) {permutation = [1, 0]}"
              " return %y }",
              "unchanged");
}

TEST(FuseQuantized, ToF32WhereAnActivationDoesMoreOrOthersRead) {
  const std::string fused =
      "graph g(%x: u8[N, 2, 5, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %w = const i8[4, 2, 1, 1] [1, -2, 3, -4, 5, -6, 7, -8];"
      " %ws = const f32[4] [0.25, 0.5, 1.0, 2.0]; %wz = const i8[4] [0, 0, 0, 0];"
      " %ys = const f32[] [2.0]; ";
  const std::string conv = " %c = QLinearConv(%x, %s, %z, %w, %ws, %wz, _, _);";
  expect_pass("fuse_quantized",
              kHead +
                  "%yz3 = const u8[] [3]; %c = Conv(%xf, %wf); %r = Relu(%c)"
                  " %y = QuantizeLinear(%r, %ys, %yz3); return %y }",
              fused + "%yz3 = const u8[] [3];" + conv +
                  " %r = Relu(%c); %y = QuantizeLinear(%r, %ys, %yz3); return %y }");
  expect_pass("fuse_quantized",
              kHead + "%c = Conv(%xf, %wf); %y = QuantizeLinear(%c, %ys, %yz); return %y, %c }",
              fused + "%yz = const u8[] [0];" + conv +
                  " %y = QuantizeLinear(%c, %ys, %yz); return %y, %c }");
}

TEST(FuseQuantized, NotWhereABiasDoesNotFit) {
  expect_pass("fuse_quantized",
              kHead +
                  "%huge = const f32[4] [1e30, 0.0, 0.0, 0.0]; %c = Conv(%xf, %wf, %huge)"
                  " %y = QuantizeLinear(%c, %ys, %yz); return %y }",
              "unchanged");
}

TEST(FoldDequantized, WeightsThatNoOperatorOnBytesReads) {
  const std::string head =
      "graph g(%x: u8[N, 2, 5]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %xf = DequantizeLinear(%x, %s, %z); ";
  const std::string weights = "%w = const i8[1, 2, 1] [4, -2]; ";
  const std::string rest = "%y = Conv(%xf, %wf); return %y }";
  const std::string from = head + weights + "%wf = DequantizeLinear(%w, %s); " + rest;
  expect_pass("fold_constants", from, "unchanged");
  expect_pass("fold_dequantized", from, head + "%wf = const f32[1, 2, 1] [2.0, -1.0]; " + rest);
}

}  // namespace
}  // namespace drawbar
