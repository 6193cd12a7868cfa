#include <algorithm>

#include "ops/matmul/kernels/epilogue.h"
#include "ops/matmul/op.h"
#include "targets/cpu/f8.h"

namespace drawbar::cpu {
namespace {

using ops::MatMul;
using ops::MatMulSizes;

const MatMul& op_of(const Problem& problem) { return *problem.op.as<MatMul>(); }

/// Whether both operands are stacks of matrices and there is something to multiply, for a y of f32.
bool has_operands(const Problem& problem) {
  for (size_t i = 0; i < 2; ++i) {
    const Operand& operand = problem.inputs[i];
    if (operand.rank() < 2 || operand.size() == 0 || operand.layout != Layout::row_major)
      return false;
  }
  return problem.outputs[0].layout == Layout::row_major &&
         problem.outputs[0].type == ElementType::f32;
}

bool are(const Problem& problem, ElementType type) {
  return problem.inputs[0].type == type && problem.inputs[1].type == type;
}

double seconds_of(const Problem& problem, bool packed) {
  const MatMulSizes sizes =
      ops::matmul_sizes(op_of(problem), problem.inputs[0].shape, problem.inputs[1].shape);
  const double peak = problem.isa >= Isa::avx512 ? 150e9 : problem.isa == Isa::avx2 ? 80e9 : 8e9;
  const double products = static_cast<double>(sizes.batch_count * sizes.m) *
                          static_cast<double>(sizes.n) * static_cast<double>(sizes.k);
  double bytes = 0;
  for (size_t i = 0; i < 2; ++i) {
    bytes += bits(problem.inputs[i].type) / 8.0 * static_cast<double>(problem.inputs[i].size());
  }
  bytes += 4.0 * static_cast<double>(problem.outputs[0].size());
  if (!packed) bytes += 8.0 * static_cast<double>(problem.inputs[1].size());
  return 2e-6 + 2 * products / (peak * problem.threads) + bytes / 12e9;
}

/// to[m][k] = from[k][m]: a transposed operand as gemm wants it, in squares that stay in cache.
void transpose(const float* from, float* to, int64_t m, int64_t k) {
  constexpr int64_t square = 16;
  for (int64_t i = 0; i < m; i += square) {
    for (int64_t j = 0; j < k; j += square) {
      const int64_t i_end = std::min(m, i + square), j_end = std::min(k, j + square);
      for (int64_t r = i; r < i_end; ++r) {
        for (int64_t c = j; c < j_end; ++c) to[r * k + c] = from[c * m + r];
      }
    }
  }
}

/// The operand a of a run: transposed into scratch where the operator says so, and as f32 there.
class RowsOfA {
 public:
  RowsOfA(const Problem& problem, const MatMulSizes& sizes)
      : transposed_(op_of(problem).transpose_a),
        of_f8_(problem.inputs[0].type == ElementType::f8e4m3fn),
        m_(sizes.m),
        k_(sizes.k) {
    const int64_t matrix = m_ * k_;
    count_ = matrix == 0 ? 0 : problem.inputs[0].size() / matrix;
  }

  size_t scratch_bytes() const {
    return transposed_ || of_f8_ ? static_cast<size_t>((count_ * m_ * k_ * 4 + 63) / 64 * 64) : 0;
  }

  const float* prepare(const KernelRun& run) const {
    if (of_f8_) return widen(run);
    const float* a = run.in<float>(0);
    if (!transposed_) return a;
    auto* rows = static_cast<float*>(run.scratch);
    run.pool.parallel_for(count_, std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(1, m_ * k_)),
                          [&](int64_t begin, int64_t end, int) {
                            for (int64_t i = begin; i < end; ++i) {
                              transpose(a + i * m_ * k_, rows + i * m_ * k_, m_, k_);
                            }
                          });
    return rows;
  }

 private:
  const float* widen(const KernelRun& run) const {
    const float* numbers = f8_numbers();
    const uint8_t* a = run.in<uint8_t>(0);
    auto* rows = static_cast<float*>(run.scratch);
    const int64_t row_step = transposed_ ? 1 : k_, step = transposed_ ? m_ : 1;
    run.pool.parallel_for(count_ * m_, std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, k_)),
                          [&](int64_t begin, int64_t end, int) {
                            for (int64_t row = begin; row < end; ++row) {
                              const uint8_t* from = a + row / m_ * m_ * k_ + row % m_ * row_step;
                              for (int64_t i = 0; i < k_; ++i)
                                rows[row * k_ + i] = numbers[from[i * step]];
                            }
                          });
    return rows;
  }

  bool transposed_, of_f8_;
  int64_t m_, k_, count_ = 0;
};

/// Constant b: packed once, alpha included where it is f32; the rows of all items that share a
/// matrix of b are one product.
class PackedMatMul final : public Kernel {
 public:
  PackedMatMul(const Problem& problem)
      : sizes_(ops::matmul_sizes(op_of(problem), problem.inputs[0].shape, problem.inputs[1].shape)),
        a_(problem, sizes_),
        element_(is_half(problem.inputs[1].type) ? problem.inputs[1].type : ElementType::f32),
        epilogue_(*MatMulEpilogue::plan(problem, alpha_behind(problem))),
        isa_(problem.isa) {
    const MatMul& op = op_of(problem);
    const int64_t k = sizes_.k, n = sizes_.n, matrix = k * n;
    const int64_t count = matrix == 0 ? 0 : problem.inputs[1].size() / matrix;
    single_ = count <= 1;
    tiles_ = tiles_pay(rows_of_item(), n, 1, k, isa_, element_);
    matrix_bytes_ = (packed_bytes(k, n, isa_, element_, tiles_) + 63) / 64 * 64;
    const std::string layout =
        fmt::format("gemm_b {} k={} n={} count={}{}{}", name(isa_), k, n, count,
                    op.transpose_b ? " transposed" : "", tiles_ ? " tiles" : "");
    if (element_ != ElementType::f32) {
      packed_ = problem.packed.get(
          problem.inputs[1].constant, layout, static_cast<size_t>(count * matrix_bytes_),
          [&](const Tensor& source, void* packed) {
            const auto* b = static_cast<const uint16_t*>(source.raw());
            for (int64_t i = 0; i < count; ++i) {
              pack_halves(element_, b + i * matrix, op.transpose_b ? k : n, op.transpose_b, k, n,
                          isa_, static_cast<std::byte*>(packed) + i * matrix_bytes_);
            }
          });
      return;
    }
    const std::string form = fmt::format("{} alpha={}", layout, op.alpha);
    packed_ = problem.packed.get(
        problem.inputs[1].constant, form, static_cast<size_t>(count * matrix_bytes_),
        [&](const Tensor& source, void* packed) {
          const bool of_f8 = source.type() == ElementType::f8e4m3fn;
          const auto* codes = static_cast<const uint8_t*>(source.raw());
          const auto* floats = static_cast<const float*>(source.raw());
          std::vector<float> scaled(of_f8 || op.alpha != 1 ? static_cast<size_t>(matrix) : 0);
          for (int64_t i = 0; i < count; ++i) {
            const int64_t first = i * matrix;
            for (size_t at = 0; at < scaled.size(); ++at) {
              const int64_t from = first + static_cast<int64_t>(at);
              scaled[at] = (of_f8 ? f8_numbers()[codes[from]] : floats[from]) * op.alpha;
            }
            const float* b = scaled.empty() ? floats + first : scaled.data();
            pack(b, op.transpose_b ? k : n, op.transpose_b, k, n, isa_,
                 reinterpret_cast<float*>(static_cast<std::byte*>(packed) + i * matrix_bytes_),
                 nullptr, tiles_);
          }
        });
  }

  /// What the results are still to be multiplied by.
  static float alpha_behind(const Problem& problem) {
    return is_half(problem.inputs[1].type) ? op_of(problem).alpha : 1;
  }

  size_t scratch_bytes() const override { return a_.scratch_bytes(); }
  uint32_t packed_inputs() const override { return 1U << 1; }

  void run(const KernelRun& run) const override {
    const float* a = a_.prepare(run);
    float* y = run.out<float>(0);
    const int64_t m = sizes_.m, n = sizes_.n, k = sizes_.k;
    epilogue_.with(run, [&](const Epilogue& whole) {
      const bool flat = is_flat();
      const int64_t items = flat ? 1 : sizes_.batch_count, rows = rows_of_item();
      for (int64_t i = 0; i < items; ++i) {
        const int64_t which = single_ ? 0 : sizes_.b_index(i);
        PackedMatrix b{packed_.get() + which * matrix_bytes_, k, n, isa_};
        b.element = element_;
        b.tiles = tiles_;
        Epilogue epilogue = whole;
        if (epilogue.residual != nullptr) epilogue.residual += i * m * n;
        gemm(rows, a + (flat ? 0 : sizes_.a_index(i)) * m * k, k, b, y + i * m * n, n, epilogue,
             &run.pool);
      }
    });
  }

 private:
  /// Whether all items are one product. Items of a that are repeated (broadcast) are not one matrix
  /// with the others.
  bool is_flat() const {
    return single_ && sizes_.a_index(sizes_.batch_count - 1) == sizes_.batch_count - 1;
  }
  int64_t rows_of_item() const { return is_flat() ? sizes_.batch_count * sizes_.m : sizes_.m; }

  MatMulSizes sizes_;
  RowsOfA a_;
  ElementType element_;  // of b
  MatMulEpilogue epilogue_;
  Isa isa_;
  PackedConstants::Buffer packed_;
  int64_t matrix_bytes_ = 0;
  bool single_ = true, tiles_ = false;
};

/// b that is only known while running.
class BatchedMatMul final : public Kernel {
 public:
  BatchedMatMul(const Problem& problem)
      : sizes_(ops::matmul_sizes(op_of(problem), problem.inputs[0].shape, problem.inputs[1].shape)),
        a_(problem, sizes_),
        epilogue_(*MatMulEpilogue::plan(problem, op_of(problem).alpha)),
        isa_(problem.isa) {
    const MatMul& op = op_of(problem);
    const int64_t count = sizes_.batch_count;
    // All items of a against one b are one product.
    const bool flat = count > 1 && sizes_.b_index(count - 1) == 0 &&
                      problem.inputs[1].size() == sizes_.k * sizes_.n &&
                      sizes_.a_index(count - 1) == count - 1;
    shape_ = {.count = flat ? 1 : count,
              .m = flat ? count * sizes_.m : sizes_.m,
              .n = sizes_.n,
              .k = sizes_.k,
              .lda = sizes_.k,
              .ldb = op.transpose_b ? sizes_.k : sizes_.n,
              .ldc = sizes_.n,
              .b_transposed = op.transpose_b};
    batch_scratch_ = static_cast<size_t>(matmul_batch_scratch_bytes(shape_, problem.threads, isa_));
  }

  size_t scratch_bytes() const override { return a_.scratch_bytes() + batch_scratch_; }

  void run(const KernelRun& run) const override {
    const float* a = a_.prepare(run);
    const float* b = run.in<float>(1);
    float* y = run.out<float>(0);
    void* scratch = static_cast<std::byte*>(run.scratch) + a_.scratch_bytes();
    epilogue_.with(run, [&](const Epilogue& epilogue) {
      const auto item = [&](int64_t i) {
        const int64_t at = i * shape_.m * shape_.n;
        return BatchItem{a + sizes_.a_index(i) * sizes_.m * sizes_.k,
                         b + sizes_.b_index(i) * sizes_.k * sizes_.n, y + at,
                         epilogue.residual ? epilogue.residual + at : nullptr};
      };
      matmul_batch(shape_, item, epilogue, scratch, isa_, &run.pool);
    });
  }

 private:
  MatMulSizes sizes_;
  RowsOfA a_;
  MatMulEpilogue epilogue_;
  Isa isa_;
  BatchShape shape_;
  size_t batch_scratch_ = 0;
};

bool is_packed(const Problem& problem) {
  return has_operands(problem) && problem.inputs[1].constant &&
         MatMulEpilogue::plan(problem, PackedMatMul::alpha_behind(problem));
}

bool packed_applies(const Problem& problem) {
  return are(problem, ElementType::f32) && is_packed(problem);
}

bool halves_apply(const Problem& problem) {
  return problem.inputs[0].type == ElementType::f32 && is_half(problem.inputs[1].type) &&
         is_packed(problem);
}

bool f8_applies(const Problem& problem) {
  return are(problem, ElementType::f8e4m3fn) && is_packed(problem);
}

bool batched_applies(const Problem& problem) {
  return are(problem, ElementType::f32) && has_operands(problem) && !problem.inputs[1].constant &&
         MatMulEpilogue::plan(problem, op_of(problem).alpha);
}

DRAWBAR_CPU_TACTIC(
    matmul_packed, "MatMul", "matmul_packed_f32", packed_applies,
    [](const Problem& problem) { return seconds_of(problem, true); },
    [](const Problem& problem) -> std::unique_ptr<Kernel> {
      return std::make_unique<PackedMatMul>(problem);
    });

DRAWBAR_CPU_TACTIC(
    matmul_halves, "MatMul", "matmul_packed_half", halves_apply,
    [](const Problem& problem) { return seconds_of(problem, true); },
    [](const Problem& problem) -> std::unique_ptr<Kernel> {
      return std::make_unique<PackedMatMul>(problem);
    });

DRAWBAR_CPU_TACTIC(
    matmul_f8, "MatMul", "matmul_packed_f8", f8_applies,
    [](const Problem& problem) { return seconds_of(problem, true); },
    [](const Problem& problem) -> std::unique_ptr<Kernel> {
      return std::make_unique<PackedMatMul>(problem);
    });

DRAWBAR_CPU_TACTIC(
    matmul_batched, "MatMul", "matmul_batched_f32", batched_applies,
    [](const Problem& problem) { return seconds_of(problem, false); },
    [](const Problem& problem) -> std::unique_ptr<Kernel> {
      return std::make_unique<BatchedMatMul>(problem);
    });

}  // namespace
}  // namespace drawbar::cpu
