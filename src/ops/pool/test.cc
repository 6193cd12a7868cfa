#include "ops/pool/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::GlobalPool;
using ops::MaxUnpool;
using ops::Pool;
using ops::PoolKind;

const OpCase cases[] = {
    {"2 x 2", Pool{.kernel = {2, 2}, .strides = {2, 2}}, {"f32[2, 13, 7, 8]"}},
    {"3 x 3, padded",
     Pool{.kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f32[1, 127, 13, 14]"}},
    {"ceiling",
     Pool{.kernel = {3, 3}, .strides = {2, 2}, .ceil_mode = true},
     {"f32[1, 129, 14, 13]"}},
    {"large window",
     Pool{.kernel = {9, 9}, .pads_begin = {4, 4}, .pads_end = {4, 4}},
     {"f32[1, 33, 7, 7]"}},
    {"dilated", Pool{.kernel = {2, 3}, .dilations = {2, 3}}, {"f32[2, 7, 9, 13]"}},
    {"indices",
     Pool{.kernel = {2, 2}, .strides = {1, 2}, .pads_begin = {1, 0}},
     {"f32[2, 3, 5, 6]"},
     2},
    {"indices by column", Pool{.kernel = {2, 2}, .column_major = true}, {"f32[2, 3, 5, 6]"}, 2},
    {"same",
     Pool{.kernel = {3, 2}, .strides = {2, 2}, .auto_pad = ops::AutoPad::same_lower},
     {"f32[1, 5, 7, 8]"}},
    {"one dimension", Pool{.kernel = {3}, .strides = {2}}, {"f32[2, 7, 127]"}},
    {"three dimensions", Pool{.kernel = {2, 1, 3}, .ceil_mode = true}, {"f32[1, 2, 5, 3, 7]"}, 2},
    {"bytes", Pool{.kernel = {2, 2}}, {"u8[1, 3, 5, 5]"}, 1, 0, 200},
    {"signed bytes", Pool{.kernel = {2, 2}}, {"i8[1, 3, 5, 5]"}, 1, -100, 100},
    {"bytes, padded",
     Pool{.kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"i8[2, 83, 7, 6]"},
     1,
     -128,
     -100},
    {"half", Pool{.kernel = {2, 2}}, {"f16[1, 3, 5, 5]"}},
    {"average",
     Pool{.kind = PoolKind::average, .kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f32[2, 67, 7, 9]"}},
    {"average with padding",
     Pool{.kind = PoolKind::average,
          .kernel = {3, 2},
          .strides = {2, 2},
          .pads_begin = {1, 0},
          .pads_end = {1, 1},
          .ceil_mode = true,
          .count_include_pad = true},
     {"f32[1, 16, 8, 7]"}},
    {"average, dilated",
     Pool{.kind = PoolKind::average,
          .kernel = {2, 2},
          .dilations = {2, 2},
          .pads_begin = {1, 1},
          .pads_end = {1, 1}},
     {"f32[1, 8, 6, 7]"}},
    {"average, double", Pool{.kind = PoolKind::average, .kernel = {2}}, {"f64[1, 2, 7]"}},
    {"norm", Pool{.kind = PoolKind::lp, .kernel = {2, 2}, .p = 3}, {"f32[1, 3, 7, 7]"}},
    {"half, images",
     Pool{.kernel = {3, 3}, .strides = {2, 2}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f16[2, 16, 9, 10]"}},
    {"half, few channels", Pool{.kernel = {2, 2}}, {"f16[2, 6, 5, 7]"}},
    {"bfloat16, average",
     Pool{.kind = PoolKind::average, .kernel = {2, 3}, .pads_begin = {1, 1}},
     {"bf16[1, 12, 5, 7]"}},
    {"norm of two, padded",
     Pool{.kind = PoolKind::lp, .kernel = {3, 3}, .pads_begin = {1, 1}, .pads_end = {1, 1}},
     {"f32[1, 4, 5, 7]"}},
    {"global average, half", GlobalPool{}, {"f16[2, 72, 7, 7]"}},
    {"global norm of four", GlobalPool{PoolKind::lp, 4}, {"f32[1, 3, 5, 3]"}},
    {"no image", Pool{.kernel = {2, 2}}, {"f32[0, 3, 5, 5]"}},
    {"global average", GlobalPool{}, {"f32[2, 129, 7, 7]"}},
    {"global average, large", GlobalPool{}, {"f32[1, 13, 57, 43]"}},
    {"global average, line", GlobalPool{}, {"f32[3, 7, 127]"}},
    {"global average, bfloat16", GlobalPool{}, {"bf16[1, 3, 7, 7]"}},
    {"global maximum", GlobalPool{PoolKind::maximum}, {"f32[2, 67, 5, 13]"}},
    {"global maximum, volume", GlobalPool{PoolKind::maximum}, {"f32[2, 3, 5, 3, 2]"}},
    {"global norm", GlobalPool{PoolKind::lp, 2}, {"f32[2, 3, 5, 3]"}},
    {"unpool",
     MaxUnpool{.kernel = {2, 2}, .strides = {2, 2}},
     {"f32[1, 1, 2, 2]", "i64[1, 1, 2, 2] = [5, 7, 12, 0]"}},
    {"unpool to a shape",
     MaxUnpool{.kernel = {2, 2}, .strides = {2, 2}},
     {"f32[1, 1, 2, 2]", "i64[1, 1, 2, 2] = [5, 7, 12, 0]", "i64[4] = [1, 1, 5, 5]"}},
};

const Rejection rejected[] = {
    {"no window", Pool{}, {"f32[1, 1, 4, 4]"}, "no spatial dimension"},
    {"rank", Pool{.kernel = {2}}, {"f32[1, 1, 4, 4]"}, "x has rank 4, expected 3"},
    {"pad",
     Pool{.kernel = {2, 2}, .pads_begin = {2, 0}},
     {"f32[1, 1, 4, 4]"},
     "pads of dimension 0 are 2, expected less than the window 2"},
    {"p", Pool{.kind = PoolKind::lp, .kernel = {2, 2}, .p = 0}, {"f32[1, 1, 4, 4]"}, "p is 0"},
    {"bytes",
     Pool{.kind = PoolKind::average, .kernel = {2, 2}},
     {"u8[1, 1, 4, 4]"},
     "x is u8, expected a float type"},
    {"too large", Pool{.kernel = {5, 1}}, {"f32[1, 1, 4, 4]"}, "the window covers 5"},
    {"global, rank", GlobalPool{}, {"f32[4]"}, "x has rank 1, expected at least 2"},
    {"indices",
     MaxUnpool{.kernel = {2, 2}},
     {"f32[1, 1, 2, 2]", "i32[1, 1, 2, 2]"},
     "indices are i32"},
};

TEST(Pool, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(Pool, RefusesBadNodes) { expect_rejected(rejected); }

TEST(Pool, IndexesAllOfX) {
  const Tensor x = Tensor::from<float>({1, 2, 2, 2}, {1, 2, 4, 3, 5, 8, 7, 6});
  const std::vector<Tensor> y = run_reference(Pool{.kernel = {2, 2}}, {x}, 2);
  expect_close(y[0], Tensor::from<float>({1, 2, 1, 1}, {4, 8}), 0, 0, "maxima");
  expect_close(y[1], Tensor::from<int64_t>({1, 2, 1, 1}, {2, 5}), 0, 0, "indices");
}

TEST(MaxUnpool, RefusesIndicesOutOfRange) {
  const Tensor x = Tensor::from<float>({1, 1, 1}, {1});
  for (int64_t index : {-1, 2}) {
    const Tensor indices = Tensor::from<int64_t>({1, 1, 1}, {index});
    EXPECT_THROW(run_reference(MaxUnpool{.kernel = {2}}, {x, indices}), Error);
  }
}

}  // namespace
}  // namespace drawbar
