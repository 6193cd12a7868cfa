#include "ops/rotary_embedding/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::RotaryEmbedding;

const BenchInput cache{{4096, 64}}, first{{1}, false, ElementType::i64};

const BenchCase cases[] = {
    {"llama, one token",
     RotaryEmbedding{.heads_last = true},
     {{{1, 1, 32, 128}}, cache, cache, first}},
    {"llama, 512 tokens",
     RotaryEmbedding{.heads_last = true},
     {{{1, 512, 32, 128}}, cache, cache, first}},
    {"heads first", RotaryEmbedding{}, {{{1, 32, 512, 128}}, cache, cache, first}},
    {"interleaved",
     RotaryEmbedding{.interleaved = true, .heads_last = true},
     {{{1, 512, 32, 128}}, cache, cache, first}},
};

[[maybe_unused]] const bool registered = register_benches("RotaryEmbedding", cases);

}  // namespace
}  // namespace drawbar::cpu
