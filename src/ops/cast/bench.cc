#include "ops/cast/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Cast;
using enum ElementType;

constexpr int64_t near = 32 << 10;  // in the second cache

const BenchCase cases[] = {
    {"f32 to f16", Cast{f16}, {{{near}}}},
    {"f16 to f32", Cast{f32}, {{{near}, false, f16}}},
    {"f32 to bf16", Cast{bf16}, {{{near}}}},
    {"bf16 to f32", Cast{f32}, {{{near}, false, bf16}}},
    {"f32 to i32", Cast{i32}, {{{near}}}},
    {"f32 to i64", Cast{i64}, {{{near}}}},
    {"f32 to u8", Cast{u8}, {{{near}}}},
    {"u8 to f32", Cast{f32}, {{{near}, false, u8}}},
    {"i64 to f32", Cast{f32}, {{{near}, false, i64}}},
    {"i64 to i32", Cast{i32}, {{{near}, false, i64}}},
    {"bool to f32", Cast{f32}, {{{near}, false, boolean}}},
};

[[maybe_unused]] const bool registered = register_benches("Cast", cases);

}  // namespace
}  // namespace drawbar::cpu
