// Products as models have them: BERT-base with 128 tokens, ViT-B/16, GNMT, classifiers with one
// row.
#include "ops/matmul/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::MatMul;
using ops::Program;

const Program gelu = Program::of(ops::Function::Gelu);

const BenchCase cases[] = {
    {"bert qkv 128x768x768", MatMul{}, {{{128, 768}}, {{768, 768}, true}, {{768}, true}}},
    {"bert up 128x768x3072", MatMul{}, {{{128, 768}}, {{768, 3072}, true}, {{3072}, true}}},
    {"bert up with Gelu",
     MatMul{.post = gelu},
     {{{128, 768}}, {{768, 3072}, true}, {{3072}, true}}},
    {"bert down 128x3072x768", MatMul{}, {{{128, 3072}}, {{3072, 768}, true}, {{768}, true}}},
    {"bert down with residual",
     MatMul{.post = Program::of(ops::Function::Add)},
     {{{128, 3072}}, {{3072, 768}, true}, {{768}, true}, {{128, 768}}}},
    {"bert scores",
     MatMul{.transpose_b = true, .alpha = 0.125f},
     {{{12, 128, 64}}, {{12, 128, 64}}}},
    {"bert context", MatMul{}, {{{12, 128, 128}}, {{12, 128, 64}}}},
    {"vit up 197x768x3072", MatMul{}, {{{197, 768}}, {{768, 3072}, true}, {{3072}, true}}},
    {"vit scores", MatMul{.transpose_b = true}, {{{12, 197, 64}}, {{12, 197, 64}}}},
    {"gnmt step 1x1024x4096", MatMul{}, {{{1, 1024}}, {{1024, 4096}, true}}},
    {"gnmt output 1x1024x32320", MatMul{}, {{{1, 1024}}, {{1024, 32320}, true}}},
    {"four rows 4x768x3072", MatMul{}, {{{4, 768}}, {{768, 3072}, true}}},
    {"classifier 1x25088x4096", MatMul{.transpose_b = true}, {{{1, 25088}}, {{4096, 25088}, true}}},
    {"one output 4096x256x1", MatMul{}, {{{4096, 256}}, {{256, 1}, true}}},
    {"square 512 at run time", MatMul{}, {{{512, 512}}, {{512, 512}}}},
    {"square 512, a transposed", MatMul{.transpose_a = true}, {{{512, 512}}, {{512, 512}}}},
};

[[maybe_unused]] const bool registered = register_benches("MatMul", cases);

}  // namespace
}  // namespace drawbar::cpu
