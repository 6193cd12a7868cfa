// Products of integers with a matrix that is known while running only, or one for each item of a
// batch: it is packed as words, which hold any byte less its zero point.
#include <algorithm>

#include "ops/integer_matmul/op.h"
#include "ops/matmul/op.h"
#include "targets/cpu/byte_product.h"
#include "targets/cpu/gemm/blocking.h"

namespace drawbar::cpu {
namespace {

using ops::MatMulInteger;

enum Input : size_t { kA, kB, kAZero, kBZero };

bool applies(const Problem& p) {
  const auto is_matrix = [](const Operand& x) {
    return x.layout == Layout::row_major && x.rank() >= 2 && x.size() > 0;
  };
  if (!is_matrix(p.inputs[kA]) || !is_matrix(p.inputs[kB])) return false;
  const int64_t n = p.inputs[kB].shape.back();
  const Operand a_zero = ByteOperands::input(p, kAZero), b_zero = ByteOperands::input(p, kBZero);
  return a_zero.size() == 1 && (b_zero.size() == 1 || (b_zero.rank() == 1 && b_zero.size() == n));
}

double seconds(const Problem& p) {
  const double k = static_cast<double>(p.inputs[kA].shape.back());
  const double packing = static_cast<double>(p.inputs[kB].size()) * 2e-9;
  const double rate = p.isa >= Isa::avx2 ? 60e9 : 1e9;
  return 2e-6 + (static_cast<double>(p.outputs[0].size()) * k / rate + packing) / p.threads;
}

class Words final : public Kernel {
 public:
  explicit Words(const Problem& p)
      : sizes_(ops::matmul_sizes(ops::MatMul{}, p.inputs[kA].shape, p.inputs[kB].shape)),
        threads_(p.threads),
        a_type_(p.inputs[kA].type),
        b_type_(p.inputs[kB].type),
        a_zero_(ByteOperands::input(p, kAZero).present),
        b_zeros_(ByteOperands::input(p, kBZero).present ? ByteOperands::input(p, kBZero).size()
                                                        : 0) {
    b_.k = sizes_.k;
    b_.n = sizes_.n;
    b_.isa = p.isa;
    b_.unit = ByteUnit::words;
  }

  size_t scratch_bytes() const override {
    const int64_t rest = multiply_bytes_scratch(sizes_.m, 1, sizes_.k, is_signed(), b_, threads_);
    return static_cast<size_t>(packed_size(b_) + offsets_bytes() + rest);
  }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    auto* offset = reinterpret_cast<int32_t*>(memory + packed_size(b_));
    PackedBytes b = b_;
    b.data = memory;
    ByteEpilogue epilogue;
    epilogue.to = ElementType::i32;
    epilogue.offset = offset;
    epilogue.multiplier = epilogue.addend = reinterpret_cast<const float*>(offset);  // not used
    const int64_t m = sizes_.m, k = sizes_.k, n = sizes_.n;
    int64_t packed = -1;
    for (int64_t item = 0; item < sizes_.batch_count; ++item) {
      if (sizes_.b_index(item) != packed) {
        packed = sizes_.b_index(item);
        pack(run, run.in<std::byte>(kB) + packed * k * n, memory, offset);
      }
      const auto* from = run.in<std::byte>(kA) + sizes_.a_index(item) * m * k;
      const auto fill = [&](int64_t row, int64_t rows, const std::byte** list) {
        for (int64_t r = 0; r < rows; ++r) list[r] = from + (row + r) * k;
      };
      multiply_bytes(m, {1, k, is_signed(), fill}, b, run.out<int32_t>(0) + item * m * n, n,
                     epilogue, memory + packed_size(b_) + offsets_bytes(), &run.pool);
    }
  }

 private:
  bool is_signed() const { return a_type_ == ElementType::i8; }
  int64_t width() const { return panel_width(b_.isa); }
  int64_t panels() const { return divide_up(sizes_.n, width()); }
  int64_t offsets_bytes() const { return divide_up(panels() * width() * 4, 64) * 64; }

  /// Panels of b [k, n] less its zero points, and what a's zero point makes of each column.
  void pack(const KernelRun& run, const std::byte* b, std::byte* to, int32_t* offset) const {
    const void* zeros = b_zeros_ > 0 ? run.inputs[kBZero] : nullptr;
    const int32_t a_zero = a_zero_ ? byte_at(run.inputs[kAZero], a_type_, 0) : 0;
    const int64_t k = sizes_.k, n = sizes_.n, steps = divide_up(k, 2);
    run.pool.parallel_for(panels(), 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t panel = begin; panel < end; ++panel) {
        auto* words = reinterpret_cast<int16_t*>(to) + panel * steps * 2 * width();
        for (int64_t c = 0; c < width(); ++c) {
          const int64_t j = panel * width() + c;
          const int32_t zero =
              zeros ? byte_at(zeros, b_type_, b_zeros_ > 1 ? std::min(j, n - 1) : 0) : 0;
          uint32_t sum = 0;
          for (int64_t i = 0; i < 2 * steps; ++i) {
            const int32_t word = i < k && j < n ? byte_at(b, b_type_, i * n + j) - zero : 0;
            words[(i / 2 * width() + c) * 2 + i % 2] = static_cast<int16_t>(word);
            sum += static_cast<uint32_t>(word);
          }
          offset[j] = static_cast<int32_t>(0 - static_cast<uint32_t>(a_zero) * sum);
        }
      }
    });
  }

  ops::MatMulSizes sizes_;
  int threads_;
  ElementType a_type_, b_type_;
  bool a_zero_;
  int64_t b_zeros_;
  PackedBytes b_;
};

}  // namespace

DRAWBAR_CPU_TACTIC(
    words, .op = "MatMulInteger", .name = "matmul_words", .applies = applies, .seconds = seconds,
    .make = [](const Problem& p) -> std::unique_ptr<Kernel> { return std::make_unique<Words>(p); });

}  // namespace drawbar::cpu
