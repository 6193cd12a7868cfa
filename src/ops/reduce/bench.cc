#include "ops/reduce/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Reduce;
using ops::Reduction;

Reduce mean(std::vector<int64_t> axes) {
  return {.kind = Reduction::mean, .axes = std::move(axes)};
}

const BenchCase cases[] = {
    {"last axis 128x768", mean({-1}), {{{128, 768}}}},
    {"spatial 7x7", mean({2, 3}), {{{1, 2048, 7, 7}}}},
    {"spatial 56x56", mean({2, 3}), {{{1, 256, 56, 56}}}},
    {"spatial 56x56 channels-last",
     mean({2, 3}),
     {{{1, 256, 56, 56}, false, ElementType::f32, Layout::channels_last}}},
    {"first axis", Reduce{.axes = {0}}, {{{512, 4096}}}},
    {"largest of everything", Reduce{.kind = Reduction::max}, {{{1 << 20}}}},
    {"log sum exp", Reduce{.kind = Reduction::log_sum_exp, .axes = {-1}}, {{{128, 1024}}}},
};

[[maybe_unused]] const bool registered = register_benches("Reduce", cases);

}  // namespace
}  // namespace drawbar::cpu
