#include "ops/instance_norm/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::GroupNorm;

const BenchCase cases[] = {
    {"instance 32x128x128", GroupNorm{}, {{{1, 32, 128, 128}}, {{32}, true}, {{32}, true}}},
    {"32 groups 320x64x64",
     GroupNorm{.groups = 32},
     {{{1, 320, 64, 64}}, {{320}, true}, {{320}, true}}},
    {"32 groups 320x64x64 channels-last",
     GroupNorm{.groups = 32},
     {{{1, 320, 64, 64}, false, ElementType::f32, Layout::channels_last},
      {{320}, true},
      {{320}, true}}},
};

[[maybe_unused]] const bool registered = register_benches("GroupNorm", cases);

}  // namespace
}  // namespace drawbar::cpu
