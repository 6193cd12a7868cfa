// Projections of a 7-billion-parameter decoder: decoding one token, four sequences, a prompt.
#include "ops/matmul_nbits/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::MatMulNBits;

BenchCase square(int64_t rows, int64_t bits, int64_t block_size) {
  const MatMulNBits op{.k = 4096, .n = 4096, .bits = bits, .block_size = block_size};
  return {fmt::format("{} x 4096 x 4096, {} bits in blocks of {}", rows, bits, block_size),
          op,
          {{{rows, op.k}},
           {{op.n, op.blocks(), op.block_bytes()}, true, ElementType::u8},
           {{op.n, op.blocks()}, true}}};
}

const BenchCase cases[] = {square(1, 4, 32), square(4, 4, 32), square(128, 4, 32),
                           square(1, 8, 32), square(1, 2, 64), square(1, 4, 128)};

[[maybe_unused]] const bool registered = register_benches("MatMulNBits", cases);

}  // namespace
}  // namespace drawbar::cpu
