#include "ops/attention/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Attention;

const Attention projected{
    .q_heads_last = true, .k_heads_last = true, .v_heads_last = true, .y_heads_last = true};

const BenchCase cases[] = {
    {"bert, 128 tokens", Attention{}, {{{1, 12, 128, 64}}, {{1, 12, 128, 64}}, {{1, 12, 128, 64}}}},
    {"bert, 128 tokens, heads last",
     projected,
     {{{1, 128, 12, 64}}, {{1, 128, 12, 64}}, {{1, 128, 12, 64}}}},
    {"vit, 197 tokens", projected, {{{1, 197, 12, 64}}, {{1, 197, 12, 64}}, {{1, 197, 12, 64}}}},
    {"1024 tokens", Attention{}, {{{1, 12, 1024, 64}}, {{1, 12, 1024, 64}}, {{1, 12, 1024, 64}}}},
    {"1024 tokens, causal",
     Attention{.causal = true},
     {{{1, 12, 1024, 64}}, {{1, 12, 1024, 64}}, {{1, 12, 1024, 64}}}},
    {"decoding, 32 of 8 heads, 1024 keys",
     Attention{},
     {{{1, 32, 1, 128}}, {{1, 8, 1024, 128}}, {{1, 8, 1024, 128}}}},
};

[[maybe_unused]] const bool registered = register_benches("Attention", cases);

}  // namespace
}  // namespace drawbar::cpu
