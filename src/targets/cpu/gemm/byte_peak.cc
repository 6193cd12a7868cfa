#include "targets/cpu/gemm/byte_peak.h"

#include <vector>

#include "targets/cpu/concurrent_rate.h"
#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/microkernel.h"
#include "targets/cpu/gemm/tile_unit.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kBytes = 512;  // of a row: what is multiplied stays in the first-level cache

/// One thread's operands for a generated kernel.
class Chain {
 public:
  Chain(Isa isa, ByteUnit unit) {
    const bool dots = unit == ByteUnit::dots || unit == ByteUnit::plain;
    shape_.isa = isa;
    shape_.multiply = dots                      ? Multiply::dots
                      : unit == ByteUnit::pairs ? Multiply::fours
                                                : Multiply::words;
    shape_.vectors = unit == ByteUnit::dots && lanes(isa) == 16 ? 4 : 2;
    shape_.rows = max_byte_rows(isa, shape_.vectors, shape_.multiply);
    shape_.row_source = RowSource::pointers;
    const int64_t columns = shape_.vectors * lanes(isa);
    a_.assign(static_cast<size_t>(shape_.rows * kBytes), std::byte{3});
    b_.assign(static_cast<size_t>(columns * kBytes), std::byte{1});  // words: half as many of two
    c_.resize(static_cast<size_t>(shape_.rows * columns));
    for (int64_t row = 0; row < shape_.rows; ++row)
      list_.push_back(reinterpret_cast<const float*>(a_.data() + row * kBytes));
    args_.list_stride = shape_.rows * 8;
    args_.k_end = kBytes;
    args_.b_step = args_.prefetch_step = panel_width(isa) * kBytes;
    args_.c_stride = columns * 4;
    args_.last_columns = args_.lanes = lanes(isa);
    args_.rows = shape_.rows;
    args_.vectors = shape_.vectors;
  }

  /// Returns the operations done.
  double run(int rounds) {
    const MicroKernel multiply = kernel(shape_);
    for (int i = 0; i < rounds; ++i) {
      args_.a_list = list_.data();
      args_.b = args_.prefetch = args_.prefetch_end = reinterpret_cast<const float*>(b_.data());
      args_.c = c_.data();
      args_.tiles = 1;
      multiply(&args_);
    }
    const int64_t numbers = shape_.multiply == Multiply::words ? kBytes / 2 : kBytes;
    return 2.0 * static_cast<double>(rounds * std::ssize(c_) * numbers);
  }

 private:
  KernelShape shape_;
  KernelArgs args_;
  std::vector<std::byte> a_, b_;
  std::vector<float> c_;
  std::vector<const float*> list_;
};

}  // namespace

double concurrent_byte_peak(Isa isa, int threads) {
  constexpr int kRounds = 20;
  const ByteUnit unit = byte_unit(isa);
#if defined(__x86_64__)
  // An f32's worth of slices is six products of bytes.
  if (unit == ByteUnit::tiles)
    return 6 *
           best_concurrent_rate(threads, kRounds, [](int) { return multiply_tile_chains(10000); });
#endif
  std::vector<Chain> chains(static_cast<size_t>(threads), Chain(isa, unit));
  const int rounds = unit == ByteUnit::plain ? 20 : 2000;
  return best_concurrent_rate(threads, kRounds, [&](int worker) {
    return chains[static_cast<size_t>(worker)].run(rounds);
  });
}

}  // namespace drawbar::cpu
