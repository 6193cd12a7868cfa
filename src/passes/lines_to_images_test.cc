#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "passes/pass_testing.h"

namespace drawbar {
namespace {

TEST(LinesToImages, ConvolutionsOfBytes) {
  const std::string head =
      "graph g(%x: u8[N, 2, W]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %ws = const f32[] [0.25]; %wz = const i8[] [0]; %ys = const f32[] [2.0];"
      " %yz = const u8[] [0]; ";
  expect_pass("lines_to_images",
              head +
                  "%w = const i8[1, 2, 3] [1, -2, 3, -4, 5, -6]"
                  " %y = QLinearConv(%x, %s, %z, %w, %ws, %wz, %ys, %yz)"
                  " {strides = [2], pads_begin = [1], pads_end = [0]}; return %y }",
              head +
                  "%w = const i8[1, 2, 1, 3] [1, -2, 3, -4, 5, -6]"
                  " %i = Unsqueeze(%x) {axes = [2]}"
                  " %j = QLinearConv(%i, %s, %z, %w, %ws, %wz, %ys, %yz)"
                  " {strides = [1, 2], pads_begin = [0, 1], pads_end = [0, 0]}"
                  " %y = Squeeze(%j) {axes = [2]}; return %y }");
}

TEST(LinesToImages, SumsAlone) {
  expect_pass("lines_to_images",
              "graph g(%x: u8[N, 1, 9]) { %w = const i8[1, 1, 3] [1, -2, 3]"
              " %y = ConvInteger(%x, %w); return %y }",
              "graph g(%x: u8[N, 1, 9]) { %w = const i8[1, 1, 1, 3] [1, -2, 3]"
              " %i = Unsqueeze(%x) {axes = [2]}; %j = ConvInteger(%i, %w)"
              " %y = Squeeze(%j) {axes = [2]}; return %y }");
}

TEST(LinesToImages, NothingStandsBetweenThem) {
  const std::string head =
      "graph g(%x: u8[N, 2, W], %r: u8[N, 2, W]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %ws = const f32[] [0.25]; %wz = const i8[] [0]; ";
  const std::string scales = "%s, %z, %w, %ws, %wz, %s, %z)";
  expect_pass("lines_to_images",
              head + "%w = const i8[2, 2, 1] [1, -2, 3, -4]; %a = QLinearConv(%x, " + scales +
                  " %b = QLinearAdd(%a, %s, %z, %r, %s, %z, %s, %z);"
                  " %y = QLinearConv(%b, " +
                  scales + " return %y }",
              head +
                  "%w = const i8[2, 2, 1, 1] [1, -2, 3, -4]; %i = Unsqueeze(%x) {axes = [2]}"
                  " %a = QLinearConv(%i, " +
                  scales +
                  " %j = Unsqueeze(%r) {axes = [2]};"
                  " %b = QLinearAdd(%a, %s, %z, %j, %s, %z, %s, %z); %k = QLinearConv(%b, " +
                  scales + " %y = Squeeze(%k) {axes = [2]}; return %y }");
}

TEST(LinesToImages, LeavesSumsAmongThemselves) {
  expect_pass("lines_to_images",
              "graph g(%x: u8[N, 2, W]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
              " %y = QLinearAdd(%x, %s, %z, %x, %s, %z, %s, %z); return %y }",
              "unchanged");
}

TEST(LinesToImages, LeavesImagesAndUnknownWeights) {
  expect_pass("lines_to_images",
              "graph g(%x: u8[N, 1, 9, 9]) { %w = const i8[1, 1, 1, 3] [1, -2, 3]"
              " %y = ConvInteger(%x, %w); return %y }",
              "unchanged");
  expect_pass("lines_to_images",
              "graph g(%x: u8[N, 1, 9], %w: i8[1, 1, 3]) { %y = ConvInteger(%x, %w); return %y }",
              "unchanged");
}

TEST(LinesToImages, ComputesTheSame) {
  const Graph before = parse(
      "graph g(%x: u8[2, 2, 9]) { %s = const f32[] [0.5]; %z = const u8[] [3];"
      " %ws = const f32[2] [0.25, 0.5]; %wz = const i8[2] [0, 1]; %b = const i32[2] [7, -90]"
      " %w = const i8[2, 2, 3] [1, -2, 3, -4, 5, -6, 7, -8, 9, 10, -11, 12]"
      " %d = const i8[2, 1, 2] [1, -2, 3, 4]"
      " %c = QLinearConv(%x, %s, %z, %w, %ws, %wz, %s, %z, %b)"
      " {dilations = [2], pads_begin = [3], pads_end = [1]}"
      " %a = QLinearAdd(%c, %s, %z, %x, %s, %z, %s, %z)"
      " %y = QLinearConv(%a, %s, %z, %d, %ws, %wz, %s, %z) {group = 2, strides = [2]}"
      " %i = ConvInteger(%y, %w, %z); return %y, %i }");
  PassOptions options;
  options.verify = true;
  const Graph after = optimize(before, options);
  const std::vector<Tensor> inputs = {draw("u8[2, 2, 9]", 1, 0, 255)};
  const auto want = evaluate_graph(before, inputs), got = evaluate_graph(after, inputs);
  for (size_t i = 0; i < want.size(); ++i) expect_close(got[i], want[i], 0, 0, print(after));
}

}  // namespace
}  // namespace drawbar
