#include "ops/integer_pool/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Pool;
using ops::PoolKind;
using ops::QLinearAveragePool;

QLinearAveragePool windows(Pool pool) {
  pool.kind = PoolKind::average;
  return {std::move(pool)};
}

const OpCase cases[] = {
    {"2 x 2",
     windows({.kernel = {2, 2}, .strides = {2, 2}}),
     {"u8[2, 13, 7, 8]", "f32[] = [0.5]", "u8[] = [100]", "f32[] = [0.25]", "u8[] = [20]"},
     1,
     0,
     255},
    {"3 x 3, padded, signed",
     windows({.kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}}),
     {"i8[1, 129, 5, 7]", "f32[] = [0.3]", "i8[] = [-7]", "f32[] = [0.2]", "u8[] = [128]"},
     1,
     -128,
     127},
    {"padding counts",
     windows({.kernel = {3, 2},
              .strides = {2, 2},
              .pads_begin = {1, 0},
              .pads_end = {1, 1},
              .ceil_mode = true,
              .count_include_pad = true}),
     {"u8[1, 67, 8, 7]", "f32[] = [0.3]", "u8[] = [200]", "f32[] = [0.1]", "i8[] = [3]"},
     1,
     0,
     255},
    {"dilated, to f32",
     windows({.kernel = {2, 2}, .dilations = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}}),
     {"i8[2, 33, 6, 7]", "f32[] = [0.3]", "i8[] = [5]"},
     1,
     -128,
     127},
    {"same, one dimension",
     windows({.kernel = {3}, .strides = {2}, .auto_pad = ops::AutoPad::same_upper}),
     {"u8[2, 3, 8]", "f32[] = [0.3]", "u8[] = [5]", "f32[] = [0.2]", "u8[] = [7]"},
     1,
     0,
     255},
    {"more taps than 16 bits hold",
     windows({.kernel = {17, 31}}),
     {"u8[1, 136, 19, 33]", "f32[] = [0.3]", "u8[] = [0]", "f32[] = [0.3]", "u8[] = [0]"},
     1,
     250,
     255},
    {"global",
     QLinearAveragePool{},
     {"u8[2, 1283, 7, 7]", "f32[] = [0.3]", "u8[] = [9]", "f32[] = [0.2]", "u8[] = [4]"},
     1,
     0,
     255},
    {"global, large, to f32",
     QLinearAveragePool{},
     {"i8[1, 13, 57, 43]", "f32[] = [0.3]", "i8[] = [127]"},
     1,
     -128,
     127},
    {"global, line of more than 16 bits hold",
     QLinearAveragePool{},
     {"i8[3, 7, 1, 1300]", "f32[] = [0.3]", "i8[] = [-128]", "f32[] = [0.3]", "u8[] = [0]"},
     1,
     120,
     127},
    {"global, volume",
     QLinearAveragePool{},
     {"u8[2, 3, 5, 3, 2]", "f32[] = [0.3]", "u8[] = [9]"},
     1,
     0,
     255},
    {"no image", windows({.kernel = {2, 2}}), {"u8[0, 3, 5, 5]", "f32[] = [0.3]", "u8[] = [9]"}},
    {"no pixel",
     QLinearAveragePool{},
     {"u8[1, 3, 0, 5]", "f32[] = [0.3]", "u8[] = [9]", "f32[] = [0.2]", "u8[] = [4]"}},
};

const Rejection rejected[] = {
    {"type", QLinearAveragePool{}, {"f32[1, 1, 4, 4]", "f32[]", "u8[]"}, "x is f32, expected u8"},
    {"zero point",
     QLinearAveragePool{},
     {"u8[1, 1, 4, 4]", "f32[]", "i8[]"},
     "x_zero_point is i8, expected u8"},
    {"scale", QLinearAveragePool{}, {"u8[1, 1, 4, 4]", "f32[3]", "u8[]"}, "a scale or zero point"},
    {"half of a quantisation",
     QLinearAveragePool{},
     {"u8[1, 1, 4, 4]", "f32[]", "u8[]", "f32[]"},
     "y has a scale without a zero point"},
    {"rank", QLinearAveragePool{}, {"u8[4]", "f32[]", "u8[]"}, "x has rank 1"},
    {"pad",
     windows({.kernel = {2, 2}, .pads_begin = {2, 0}}),
     {"u8[1, 1, 4, 4]", "f32[]", "u8[]"},
     "pads of dimension 0 are 2, expected less than the window 2"},
};

TEST(QLinearAveragePool, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(QLinearAveragePool, RefusesBadNodes) { expect_rejected(rejected); }

TEST(QLinearAveragePool, RoundsTiesToEven) {
  const Tensor x = Tensor::from<uint8_t>({1, 2, 1, 2}, {10, 11, 11, 12}),
               scale = Tensor::scalar(0.5f), zero = Tensor::from<uint8_t>({}, {1});
  const std::vector<Tensor> y =
      run_reference(QLinearAveragePool{}, {x, scale, zero, scale, zero}, 1);
  // 9.5 and 10.5 above the zero point.
  expect_close(y[0], Tensor::from<uint8_t>({1, 2, 1, 1}, {11, 11}), 0, 0, "means");
}

}  // namespace
}  // namespace drawbar
