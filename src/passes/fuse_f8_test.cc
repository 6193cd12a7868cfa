#include "passes/pass_testing.h"

namespace drawbar {
namespace {

const std::string kHead =
    "graph g(%x: f8e4m3fn[N, 3]) { %s = const f32[] [0.5]; %z = const f8e4m3fn[] [0.0]; ";

TEST(FuseF8, ProductsTakeTheirScaleBehindTheSums) {
  expect_pass("fuse_f8",
              kHead +
                  "%w = const f8e4m3fn[3, 2] [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"
                  " %ws = const f32[] [0.25]; %b = const f32[2] [1.0, -0.5]"
                  " %xf = DequantizeLinear(%x, %s, %z); %wf = DequantizeLinear(%w, %ws)"
                  " %y = MatMul(%xf, %wf, %b); return %y }",
              "graph g(%x: f8e4m3fn[N, 3]) {"
              " %w = const f8e4m3fn[2, 3] [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]"
              " %b = const f32[2] [1.0, -0.5]"
              " %y = MatMul(%x, %w, %b) {transpose_b = true, alpha = 0.125}; return %y }");
}

TEST(FuseF8, ScalesOfColumnsBecomeAFactor) {
  const std::string weights =
      "%w = const f8e4m3fn[2, 3] [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]; %ws = const f32[2] [0.25, 2.0];"
      " %b = const f32[2] [1.0, -0.5]; ";
  expect_pass("fuse_f8",
              kHead + weights +
                  "%xf = DequantizeLinear(%x, %s, %z)"
                  " %wf = DequantizeLinear(%w, %ws) {axis = 0}"
                  " %y = MatMul(%xf, %wf, %b) {transpose_b = true}; return %y }",
              "graph g(%x: f8e4m3fn[N, 3]) { " + weights +
                  "%p = MatMul(%x, %w) {transpose_b = true, alpha = 0.5}"
                  " %m = Mul(%p, %ws); %y = Add(%m, %b); return %y }");
}

TEST(FuseF8, HalvesAreRoundedOnce) {
  expect_pass("fuse_f8",
              "graph g(%x: f8e4m3fn[N, 2]) { %s = const f16[] [0.5]; %ws = const f16[] [0.25];"
              " %w = const f8e4m3fn[2, 2] [1.0, 3.0, 2.0, 4.0]"
              " %xf = DequantizeLinear(%x, %s) {to = f16}"
              " %wf = DequantizeLinear(%w, %ws) {to = f16}"
              " %y = MatMul(%xf, %wf) {transpose_b = true}; return %y }",
              "graph g(%x: f8e4m3fn[N, 2]) { %w = const f8e4m3fn[2, 2] [1.0, 3.0, 2.0, 4.0]"
              " %p = MatMul(%x, %w) {transpose_b = true, alpha = 0.125}"
              " %y = Cast(%p) {to = f16}; return %y }");
}

TEST(FuseF8, LeavesScalesOfBlocksAndOtherTypes) {
  const std::string weights = "%w = const f8e4m3fn[2, 3] [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]; ";
  expect_pass("fuse_f8",
              kHead + weights +
                  "%ws = const f32[2, 1] [0.25, 2.0]; %xf = DequantizeLinear(%x, %s, %z)"
                  " %wf = DequantizeLinear(%w, %ws) {axis = 1, block_size = 3}"
                  " %y = MatMul(%xf, %wf) {transpose_b = true}; return %y }",
              "unchanged");
  expect_pass("fuse_f8",
              "graph g(%x: i8[N, 3]) { %s = const f32[] [0.5]; " + weights +
                  "%xf = DequantizeLinear(%x, %s); %wf = DequantizeLinear(%w, %s)"
                  " %y = MatMul(%xf, %wf) {transpose_b = true}; return %y }",
              "unchanged");
}

}  // namespace
}  // namespace drawbar
