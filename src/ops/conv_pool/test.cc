#include <gtest/gtest.h>

#include "ops/conv_pool/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Conv;
using ops::ConvPool;
using ops::parse_program;
using ops::Pool;

const Conv same{.pads_begin = {1, 1}, .pads_end = {1, 1}};
const Conv same_relu{
    .pads_begin = {1, 1}, .pads_end = {1, 1}, .post = parse_program("x1 = Relu(x0)")};
const Pool halves{.kernel = {2, 2}, .strides = {2, 2}};
const Pool halves_up{.kernel = {2, 2}, .strides = {2, 2}, .ceil_mode = true};

const OpCase cases[] = {
    {"pooled in tiles",
     ConvPool{same_relu, halves},
     {"f32[1, 7, 12, 16]", "const f32[19, 7, 3, 3]", "const f32[19]"}},
    {"odd sizes, two images",
     ConvPool{same_relu, halves},
     {"f32[2, 16, 13, 11]", "const f32[33, 16, 3, 3]", "const f32[33]"}},
    {"odd sizes, rounded up",
     ConvPool{same, halves_up},
     {"f32[2, 5, 13, 15]", "const f32[16, 5, 3, 3]", "_"}},
    {"one window", ConvPool{same, halves}, {"f32[1, 3, 2, 3]", "const f32[4, 3, 3, 3]", "_"}},
    {"another activation",
     ConvPool{Conv{.post = parse_program("x1 = LeakyRelu(x0, 0.1)")}, halves},
     {"f32[1, 9, 14, 14]", "const f32[17, 9, 3, 3]", "const f32[17]"}},
    {"a program",
     ConvPool{Conv{.post = parse_program("x1 = Mish(x0)")}, halves},
     {"f32[1, 9, 14, 14]", "const f32[17, 9, 3, 3]", "const f32[17]"}},
    {"5 x 5",
     ConvPool{Conv{.pads_begin = {2, 2}, .pads_end = {2, 2}}, halves},
     {"f32[1, 6, 15, 18]", "const f32[20, 6, 5, 5]", "const f32[20]"}},
    {"7 x 7",
     ConvPool{Conv{.pads_begin = {3, 3}, .pads_end = {3, 3}}, halves},
     {"f32[1, 4, 12, 13]", "const f32[6, 4, 7, 7]", "const f32[6]"}},
    {"overlapping windows behind a stem",
     ConvPool{Conv{.strides = {2, 2}, .pads_begin = {3, 3}, .pads_end = {3, 3}},
              Pool{.kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}}},
     {"f32[1, 3, 29, 31]", "const f32[8, 3, 7, 7]", "const f32[8]"}},
    {"pointwise", ConvPool{Conv{}, halves}, {"f32[1, 9, 6, 8]", "const f32[5, 9, 1, 1]", "_"}},
    {"groups",
     ConvPool{Conv{.group = 2}, halves},
     {"f32[1, 8, 6, 8]", "const f32[6, 4, 3, 3]", "_"}},
    {"weights known while running",
     ConvPool{same, halves},
     {"f32[1, 3, 6, 8]", "f32[5, 3, 3, 3]", "f32[5]"}},
    {"one dimension",
     ConvPool{Conv{}, Pool{.kernel = {2}, .strides = {2}}},
     {"f32[2, 3, 19]", "const f32[6, 3, 2]", "_"}},
    {"half", ConvPool{same, halves}, {"f16[1, 3, 6, 6]", "f16[2, 3, 3, 3]", "_"}},
};

const Rejection rejected[] = {
    {"the convolution's channels",
     ConvPool{same, halves},
     {"f32[1, 3, 5, 5]", "f32[4, 2, 3, 3]"},
     "w has 2 input channels"},
    {"window too large",
     ConvPool{Conv{}, halves},
     {"f32[1, 3, 3, 3]", "f32[4, 3, 3, 3]"},
     "the window covers 2"},
    {"a residual",
     ConvPool{Conv{.post = parse_program("x2 = Add(x0, x1)")}, halves},
     {"f32[1, 3, 5, 5]", "f32[4, 3, 3, 3]"},
     "a program of 2 inputs"},
};

TEST(ConvPool, AgreesOnEveryTarget) {
  std::vector<OpCase> list(std::begin(cases), std::end(cases));
  for (OpCase& each : list) each.atol = 1e-4;  // Winograd's errors go by the largest outputs
  expect_targets_agree(list);
}
TEST(ConvPool, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
