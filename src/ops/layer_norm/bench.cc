#include "ops/layer_norm/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::LayerNorm;

const BenchCase cases[] = {
    {"bert 128x768", LayerNorm{}, {{{128, 768}}, {{768}, true}, {{768}, true}}},
    {"bert with residual", LayerNorm{}, {{{128, 768}}, {{768}, true}, {{768}, true}, {{128, 768}}}},
    {"vit 197x768", LayerNorm{}, {{{197, 768}}, {{768}, true}, {{768}, true}}},
    {"root mean square 128x4096",
     LayerNorm{.root_mean_square = true},
     {{{128, 4096}}, {{4096}, true}}},
};

[[maybe_unused]] const bool registered = register_benches("LayerNorm", cases);

}  // namespace
}  // namespace drawbar::cpu
