#include <algorithm>
#include <cstring>

#include "ops/matmul_nbits/kernels/panel.h"
#include "ops/matmul_nbits/op.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::MatMulNBits;

constexpr int64_t unpacked_rows = 256;     // of k at a time: 32 KiB or less for a panel
constexpr int64_t most_block_size = 1024;  // a block is unpacked whole

const MatMulNBits& op_of(const Problem& problem) { return *problem.op.as<MatMulNBits>(); }

bool has_input(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

/// to[panel][line][W] = from[column][line]: lines of bytes, scales or zero points of a column side
/// by side in panels, the last one filled up with zeros.
template <class T, class From>
void pack_panels(int64_t columns, int64_t lines, int64_t width, T* to, const From& from) {
  for (int64_t first = 0; first < columns; first += width, to += lines * width) {
    const int64_t count = std::min(width, columns - first);
    if (count < width) std::fill(to, to + lines * width, T{});
    for (int64_t c = 0; c < count; ++c) {
      for (int64_t line = 0; line < lines; ++line) to[line * width + c] = from(first + c, line);
    }
  }
}

/// Few rows are multiplied with the weights as they lie, which are read once. For more, a panel is
/// made f32 piece by piece in the first-level cache and multiplied there by gemm.
class NBitsKernel final : public Kernel {
 public:
  explicit NBitsKernel(const Problem& problem)
      : op_(op_of(problem)),
        isa_(problem.isa),
        width_(panel_width(problem.isa)),
        panels_((op_.n + width_ - 1) / width_),
        rows_(problem.inputs[MatMulNBits::a].size() / op_.k),
        threads_(problem.threads),
        multiply_(nbits_multiply(isa_)),
        unpack_(nbits_unpack(isa_)),
        biased_(has_input(problem, MatMulNBits::bias)) {
    const int64_t blocks = op_.blocks(), lines = blocks * op_.block_bytes();
    padded_ = blocks * op_.block_size;
    const auto elements = static_cast<size_t>(panels_ * width_);
    const auto pack = [&](size_t input, std::string_view what, int64_t count, size_t size,
                          const auto& body) {
      packed_inputs_ |= 1U << input;
      return problem.packed.get(
          problem.inputs[input].constant,
          fmt::format("nbits_{} w={} n={} lines={}", what, width_, op_.n, count),
          elements * static_cast<size_t>(count) * size, body);
    };
    const auto floats = [&](const Tensor& source, void* to) {
      const auto* values = source.data<float>();
      pack_panels(op_.n, blocks, width_, static_cast<float*>(to),
                  [&](int64_t c, int64_t block) { return values[c * blocks + block]; });
    };
    q_ = pack(MatMulNBits::b, "bytes", lines, 1, [&](const Tensor& source, void* to) {
      const auto* bytes = source.data<uint8_t>();
      pack_panels(op_.n, lines, width_, static_cast<uint8_t*>(to),
                  [&](int64_t c, int64_t line) { return bytes[c * lines + line]; });
    });
    scales_ = pack(MatMulNBits::scales, "floats", blocks, sizeof(float), floats);
    if (!has_input(problem, MatMulNBits::zero_points)) return;
    if (problem.inputs[MatMulNBits::zero_points].type == ElementType::f32) {
      zeros_ = pack(MatMulNBits::zero_points, "floats", blocks, sizeof(float), floats);
      return;
    }
    const std::string what = fmt::format("zeros{}", op_.bits);
    zero_bytes_ =
        pack(MatMulNBits::zero_points, what, blocks, 1, [&](const Tensor& source, void* to) {
          const auto* bytes = source.data<uint8_t>();
          pack_panels(op_.n, blocks, width_, static_cast<uint8_t*>(to),
                      [&](int64_t c, int64_t block) {
                        const uint8_t* line = bytes + c * op_.zero_bytes();
                        return static_cast<uint8_t>(ops::packed_element(line, block, op_.bits));
                      });
        });
  }

  size_t scratch_bytes() const override {
    const int64_t floats = few() ? rows_ * (padded_ + op_.blocks())
                                 : rounded(rows_ * op_.k) + threads_ * piece_floats();
    return static_cast<size_t>(floats) * sizeof(float);
  }
  uint32_t packed_inputs() const override { return packed_inputs_; }

  void run(const KernelRun& run) const override {
    if (few()) return multiply_few(run);
    auto* a = static_cast<float*>(run.scratch);
    copy_pieces(run, a);
    run.pool.parallel_for(panels_, 1, [&](int64_t begin, int64_t end, int worker) {
      float* piece = a + rounded(rows_ * op_.k) + worker * piece_floats();
      for (int64_t i = begin; i < end; ++i) multiply_many(run, i, a, piece);
    });
  }

 private:
  bool few() const { return rows_ <= most_nbits_rows; }
  /// Blocks that are unpacked at a time.
  int64_t piece_blocks() const { return std::max<int64_t>(1, unpacked_rows / op_.block_size); }
  int64_t piece_floats() const {
    return rounded(std::min(piece_blocks(), op_.blocks()) * op_.block_size * width_);
  }

  NBitsPanel panel(int64_t i) const {
    const int64_t blocks = op_.blocks(), at = i * blocks * width_;
    NBitsPanel result{.bits = op_.bits, .block_size = op_.block_size, .blocks = blocks};
    result.q = reinterpret_cast<const uint8_t*>(q_.get()) + at * op_.block_bytes();
    result.scales = reinterpret_cast<const float*>(scales_.get()) + at;
    if (zeros_) result.zeros = reinterpret_cast<const float*>(zeros_.get()) + at;
    if (zero_bytes_) result.zero_bytes = reinterpret_cast<const uint8_t*>(zero_bytes_.get()) + at;
    return result;
  }

  void multiply_few(const KernelRun& run) const {
    const auto* a = run.in<float>(MatMulNBits::a);
    auto* rows = static_cast<float*>(run.scratch);
    float* sums = rows + rows_ * padded_;
    for (int64_t r = 0; r < rows_; ++r) {
      float* row = rows + r * padded_;
      std::copy(a + r * op_.k, a + (r + 1) * op_.k, row);
      std::fill(row + op_.k, row + padded_, 0.0f);
      for (int64_t block = 0; block < op_.blocks(); ++block) {
        float sum = 0;
        for (int64_t k = 0; k < op_.block_size; ++k) sum += row[block * op_.block_size + k];
        sums[r * op_.blocks() + block] = sum;
      }
    }
    const float* bias = biased_ ? run.in<float>(MatMulNBits::bias) : nullptr;
    float* y = run.out<float>(0);
    const int64_t bytes = op_.blocks() * op_.block_bytes() * width_;
    run.pool.parallel_for(
        panels_, std::max<int64_t>(1, (1 << 15) / bytes), [&](int64_t begin, int64_t end, int) {
          alignas(64) float results[most_nbits_rows * panel_width(Isa::avx512)];
          for (int64_t i = begin; i < end; ++i) {
            multiply_(panel(i), rows_, rows, sums, results);
            const int64_t first = i * width_, count = std::min(width_, op_.n - first);
            for (int64_t r = 0; r < rows_; ++r) {
              float* out = y + r * op_.n + first;
              for (int64_t c = 0; c < count; ++c) {
                out[c] = results[r * width_ + c] + (bias ? bias[first + c] : 0.0f);
              }
            }
          }
        });
  }

  /// a in the order it is multiplied, to[piece][row][depth]: its rows themselves may lie a power of
  /// two apart, where caches hold few of them.
  void copy_pieces(const KernelRun& run, float* to) const {
    const auto* a = run.in<float>(MatMulNBits::a);
    const int64_t whole = piece_blocks() * op_.block_size;
    const auto copy = [&](int64_t begin, int64_t end, int) {
      for (int64_t k = 0; k < op_.k; k += whole) {
        const int64_t depth = std::min(op_.k - k, whole);
        for (int64_t row = begin; row < end; ++row) {
          std::copy_n(a + row * op_.k + k, depth, to + k * rows_ + row * depth);
        }
      }
    };
    run.pool.parallel_for(rows_, std::max<int64_t>(1, (1 << 14) / op_.k), copy);
  }

  void multiply_many(const KernelRun& run, int64_t index, const float* a, float* piece) const {
    const NBitsPanel weights = panel(index);
    const int64_t first = index * width_, count = std::min(width_, op_.n - first);
    Epilogue epilogue;
    if (biased_) epilogue.bias = run.in<float>(MatMulNBits::bias) + first;
    for (int64_t block = 0; block < op_.blocks(); block += piece_blocks()) {
      const int64_t end = std::min(op_.blocks(), block + piece_blocks());
      unpack_(weights, block, end, piece);
      const int64_t k = block * op_.block_size;
      const int64_t depth = std::min(op_.k, end * op_.block_size) - k;
      gemm(rows_, a + k * rows_, depth, {piece, depth, count, isa_}, run.out<float>(0) + first,
           op_.n, epilogue, nullptr);
      epilogue.bias = nullptr;
      epilogue.accumulate = true;
    }
  }

  MatMulNBits op_;
  Isa isa_;
  int64_t width_, panels_, rows_, threads_;
  int64_t padded_ = 0;  // k, blocks whole
  NBitsMultiply multiply_;
  NBitsUnpack unpack_;
  bool biased_;
  PackedConstants::Buffer q_, scales_, zeros_, zero_bytes_;
  uint32_t packed_inputs_ = 0;
};

bool applies(const Problem& problem) {
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) continue;
    const bool packed = i != MatMulNBits::a && i != MatMulNBits::bias;
    const bool bytes = operand.type == ElementType::u8 && packed;
    if (operand.layout != Layout::row_major || (packed && !operand.constant) ||
        (operand.type != ElementType::f32 && !bytes)) {
      return false;
    }
  }
  return problem.inputs[MatMulNBits::a].size() > 0 &&
         op_of(problem).block_size <= most_block_size &&
         problem.outputs[0].layout == Layout::row_major;
}

double seconds(const Problem& problem) {
  const MatMulNBits& op = op_of(problem);
  const double peak = problem.isa >= Isa::avx512 ? 120e9 : problem.isa == Isa::avx2 ? 60e9 : 4e9;
  const auto weights = static_cast<double>(op.n) * static_cast<double>(op.k);
  const double rows = static_cast<double>(problem.inputs[MatMulNBits::a].size() / op.k);
  const double bytes =
      weights * (static_cast<double>(op.bits) / 8 + 4 / static_cast<double>(op.block_size));
  return 2e-6 + 2 * (rows + 2) * weights / (peak * problem.threads) + bytes / 12e9;
}

DRAWBAR_CPU_TACTIC(matmul_nbits, "MatMulNBits", "matmul_nbits_f32", applies, seconds,
                   [](const Problem& problem) -> std::unique_ptr<Kernel> {
                     return std::make_unique<NBitsKernel>(problem);
                   });

}  // namespace
}  // namespace drawbar::cpu
