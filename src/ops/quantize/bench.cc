#include "ops/quantize/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::DequantizeLinear;
using ops::DynamicQuantizeLinear;
using ops::QuantizeLinear;
using enum ElementType;

constexpr int64_t near = 32 << 10;  // in the second cache
const BenchInput map{{1, 64, 56, 56}};

const BenchCase quantize[] = {
    {"u8", QuantizeLinear{u8}, {{{near}}, {{}}, {{}, false, u8}}},
    {"i8 channels", QuantizeLinear{i8}, {map, {{64}}, {{64}, false, i8}}},
    {"i8 last axis", QuantizeLinear{i8, -1}, {{{128, 768}}, {{768}}, {{768}, false, i8}}},
};
const BenchCase dequantize[] = {
    {"u8", DequantizeLinear{}, {{{near}, false, u8}, {{}}, {{}, false, u8}}},
    {"i8 channels", DequantizeLinear{}, {{{1, 64, 56, 56}, false, i8}, {{64}}, {{64}, false, i8}}},
    {"i32", DequantizeLinear{}, {{{near}, false, i32}, {{}}, {{-1}}}},
};
const BenchCase dynamic[] = {
    {"128x768", DynamicQuantizeLinear{}, {{{128, 768}}}, 3},
};

[[maybe_unused]] const bool registered = register_benches("QuantizeLinear", quantize) &&
                                         register_benches("DequantizeLinear", dequantize) &&
                                         register_benches("DynamicQuantizeLinear", dynamic);

}  // namespace
}  // namespace drawbar::cpu
