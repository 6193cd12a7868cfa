#include "ops/dft/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Dft;

const BenchCase cases[] = {
    {"1024 lines of 1024, complex", Dft{}, {{{1024, 1024, 2}}}},
    {"1024 lines of 1024, real", Dft{.onesided = true}, {{{1024, 1024, 1}}}},
    {"1024 lines of 1024, back to real",
     Dft{.inverse = true, .onesided = true},
     {{{1024, 513, 2}}}},
    {"1024 columns of 1024, complex", Dft{.axis = 0}, {{{1024, 1024, 2}}}},
    {"1024 lines of 400, real", Dft{.onesided = true}, {{{1024, 400, 1}}}},
    {"1024 lines of 127, complex", Dft{}, {{{1024, 127, 2}}}},
    {"64 lines of 4099, complex", Dft{}, {{{64, 4099, 2}}}},
    {"a line of 65536, complex", Dft{}, {{{1, 65536, 2}}}},
};

[[maybe_unused]] const bool registered = register_benches("DFT", cases);

}  // namespace
}  // namespace drawbar::cpu
