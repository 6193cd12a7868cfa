#include "ops/stft/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Stft;

BenchInput integer(int64_t value) {
  return {{}, true, ElementType::i64, Layout::row_major, Tensor::scalar(value)};
}

const BenchCase cases[] = {
    {"30 s of speech, frames of 400", Stft{}, {{{1, 480000, 1}}, integer(160), {{400}, true}}},
    {"10 s of music, frames of 2048", Stft{}, {{{2, 441000, 1}}, integer(512), {{2048}, true}}},
};

[[maybe_unused]] const bool registered = register_benches("STFT", cases);

}  // namespace
}  // namespace drawbar::cpu
