#include "ops/softmax/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Softmax;

const BenchCase cases[] = {
    {"bert scores", Softmax{}, {{{12, 128, 128}}}},
    {"vit scores", Softmax{}, {{{12, 197, 197}}}},
    {"imagenet", Softmax{}, {{{1, 1000}}}},
    {"vocabulary, log", Softmax{.log = true}, {{{1, 32320}}}},
    {"segmentation channels", Softmax{.axis = 1}, {{{1, 21, 256, 256}}}},
};

[[maybe_unused]] const bool registered = register_benches("Softmax", cases);

}  // namespace
}  // namespace drawbar::cpu
