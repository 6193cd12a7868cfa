#include "ops/layer_norm/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::LayerNorm;

LayerNorm rms(int64_t axis = -1) { return {.root_mean_square = true, .axis = axis}; }

const OpCase cases[] = {
    {"tokens", LayerNorm{}, {"f32[2, 7, 768]", "const f32[768]", "const f32[768]"}},
    {"odd length", LayerNorm{}, {"f32[13, 129]", "f32[129]", "f32[129]"}},
    {"one element", LayerNorm{}, {"f32[3, 1]", "f32[1]", "f32[1]"}},
    {"short", LayerNorm{}, {"f32[3, 7]", "f32[7]"}},
    {"neither scale nor bias", LayerNorm{}, {"f32[3, 127]"}},
    {"several axes", LayerNorm{.axis = 1}, {"f32[3, 5, 7]", "f32[5, 7]", "f32[5, 7]"}},
    {"broadcast scale", LayerNorm{.axis = 1}, {"f32[3, 5, 7]", "f32[7]", "f32[5, 1]"}},
    {"all axes", LayerNorm{.axis = 0, .epsilon = 0.1f}, {"f32[3, 5]", "f32[3, 5]"}},
    {"statistics", LayerNorm{}, {"f32[3, 17]", "f32[17]", "f32[17]"}, 3},
    {"residual", LayerNorm{}, {"f32[13, 129]", "f32[129]", "f32[129]", "f32[13, 129]"}},
    {"residual, sum kept",
     LayerNorm{},
     {"f32[13, 129]", "f32[129]", "f32[129]", "f32[13, 129]"},
     4},
    {"root mean square", rms(), {"f32[13, 129]", "f32[129]"}},
    {"root mean square, two axes", rms(1), {"f32[3, 5, 7]", "f32[5, 7]"}},
    {"root mean square, residual", rms(), {"f32[5, 64]", "f32[64]", "_", "f32[5, 64]"}},
    {"large offset", LayerNorm{}, {"f32[5, 257]"}, 1, 99, 101, 1e-3, 1e-3},
    {"no rows", LayerNorm{}, {"f32[0, 16]", "f32[16]"}},
    {"half", LayerNorm{}, {"f16[3, 33]", "f16[33]", "f16[33]"}},
    {"half, BERT", LayerNorm{}, {"f16[5, 768]", "f16[768]", "f16[768]", "f16[5, 768]"}, 4},
    {"half, wide parameters", LayerNorm{}, {"f16[3, 384]", "f32[384]", "f32[384]"}},
    {"bfloat16", rms(), {"bf16[3, 1024]", "bf16[1024]"}},
    {"longer than a block holds", LayerNorm{}, {"f32[2, 16388]", "f32[16388]"}},
    {"longer than a block holds, odd", rms(), {"f16[1, 16385]", "_", "f16[1]"}},
    {"scale by row", LayerNorm{}, {"f32[2, 3]", "f32[2, 1]", "f32[1, 3]"}},
    {"scale by row of a square", LayerNorm{}, {"f32[3, 3]", "f32[3, 1]", "f32[3, 1]"}},
    {"scale by outer axis", LayerNorm{}, {"f16[2, 3, 8]", "f16[2, 1, 8]", "f16[3, 8]"}},
    {"statistics in half", LayerNorm{.stash = ElementType::f16}, {"f32[3, 300]"}, 3},
    {"double", LayerNorm{}, {"f64[3, 33]", "f64[33]"}},
};

const Rejection rejected[] = {
    {"axis out of range", LayerNorm{.axis = 2}, {"f32[3, 4]"}, "axis is 2, expected -2 to 1"},
    {"integers", LayerNorm{}, {"i64[3, 4]"}, "x is i64, expected a float type"},
    {"scale", LayerNorm{}, {"f32[3, 4]", "f32[5]"}, "scale has shape [5], which does not fit x"},
    {"residual",
     LayerNorm{},
     {"f32[3, 4]", "_", "_", "f32[4]"},
     "residual has shape [4], which does not fit x [3, 4]"},
};

TEST(LayerNorm, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(LayerNorm, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
