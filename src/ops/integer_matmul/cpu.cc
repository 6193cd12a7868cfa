// Products of quantised rows with constant weights, as a product of bytes.
#include "ops/integer_matmul/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {
namespace {

// QLinearMatMul's inputs, and those of MatMulInteger that stand elsewhere.
enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero, kBias };
enum SumsInput : size_t { kSumsB = 1, kSumsBZero = 3 };

/// What both operators have: rows a [m, k], constant weights b [k, n], and their zero points.
struct Product {
  explicit Product(const Problem& p)
      : sums_only(p.op.as<ops::MatMulInteger>() != nullptr),
        b_input(sums_only ? size_t{kSumsB} : kB),
        b_zero_input(sums_only ? size_t{kSumsBZero} : kBZero) {}

  bool applies(const Problem& p) const {
    const Operand &a = p.inputs[kA], &b = p.inputs[b_input], &y = p.outputs[0];
    return a.layout == Layout::row_major && y.layout == Layout::row_major && b.rank() == 2 &&
           is_byte_product(a, b, operand(p, b_zero_input), y, b.dim(1));
  }
  static Operand operand(const Problem& p, size_t i) {
    return i < p.inputs.size() ? p.inputs[i] : Operand();
  }
  int64_t k(const Problem& p) const { return p.inputs[b_input].dim(0); }
  int64_t n(const Problem& p) const { return p.inputs[b_input].dim(1); }
  int64_t m(const Problem& p) const { return p.outputs[0].size() / n(p); }

  bool sums_only;
  size_t b_input, b_zero_input;
};

bool applies(const Problem& p) {
  const Product product(p);
  if (!product.applies(p)) return false;
  const int64_t zeros = Product::operand(p, kAZero).size();
  if (product.sums_only) return zeros == 1 || zeros == product.m(p);
  const bool to_f32 = p.outputs[0].type == ElementType::f32;
  for (size_t i : {kAScale, kAZero, kYScale, kYZero}) {
    if (p.inputs[i].size() != 1 && (i < kYScale || !to_f32)) return false;
  }
  for (size_t i : {kAScale, kBScale, kYScale}) {
    if (p.inputs[i].type != ElementType::f32 && (i < kYScale || !to_f32)) return false;
  }
  const int64_t scales = p.inputs[kBScale].size();
  return scales == 1 || scales == product.n(p);
}

double seconds(const Problem& p) {
  const double work = static_cast<double>(p.outputs[0].size() * Product(p).k(p));
  return byte_product_seconds(work, p.isa, p.threads);
}

/// Takes off the zero points that rows have of their own.
void take_off(const void* zeros, ElementType type, const int32_t* column_sums, int64_t m, int64_t n,
              int32_t* y, ThreadPool& pool) {
  pool.parallel_for(m, std::max<int64_t>(1, (1 << 14) / n), [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const auto zero = static_cast<uint32_t>(byte_at(zeros, type, r));
      for (int64_t j = 0; j < n; ++j) {
        const auto off = zero * static_cast<uint32_t>(column_sums[j]);
        y[r * n + j] = static_cast<int32_t>(static_cast<uint32_t>(y[r * n + j]) - off);
      }
    }
  });
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Product at(p);
  const int64_t m = at.m(p), k = at.k(p), n = at.n(p);
  const ElementType a_type = p.inputs[kA].type, y_type = p.outputs[0].type;
  const auto index = [=](int64_t i, int64_t j) { return i * n + j; };
  ByteProduct product(p, p.inputs[at.b_input], Product::operand(p, at.b_zero_input), k, n, 1,
                      "rows", index, a_type, y_type);
  const auto scratch = static_cast<size_t>(product.scratch_bytes(m, 1, k, p.threads));
  const Operand a_zero = Product::operand(p, kAZero);
  const bool row_zeros = a_zero.size() > 1;
  const int64_t w_scales = at.sums_only ? 1 : p.inputs[kBScale].size();
  const bool f32_bias = Product::operand(p, kBias).type == ElementType::f32;
  return make_kernel(
      [=, product = std::move(product)](const KernelRun& run) {
        ByteScales scales;
        const void* zeros = a_zero.present ? run.inputs[kAZero] : nullptr;
        if (zeros != nullptr && !row_zeros) scales.x_zero = byte_at(zeros, a_type, 0);
        if (!at.sums_only) {
          scales.x_scale = *run.in<float>(kAScale);
          scales.w_scale = run.in<float>(kBScale);
          scales.w_scales = w_scales;
          if (y_type != ElementType::f32) {
            scales.y_scale = *run.in<float>(kYScale);
            scales.y_zero = byte_at(run.inputs[kYZero], y_type, 0);
          }
          if (run.inputs.size() > kBias) scales.set_bias(run.inputs[kBias], f32_bias);
        }
        const auto* from = run.in<std::byte>(kA);
        const auto fill = [&](int64_t row, int64_t rows, const std::byte** list) {
          for (int64_t r = 0; r < rows; ++r) list[r] = from + (row + r) * k;
        };
        product.run(m, {1, k, a_type == ElementType::i8, fill}, scales, run.outputs[0], n,
                    run.scratch, run.pool);
        if (row_zeros)
          take_off(zeros, a_type, product.column_sums(), m, n, run.out<int32_t>(0), run.pool);
      },
      scratch, 1U << at.b_input);
}

}  // namespace

DRAWBAR_CPU_TACTIC(linear, .op = "QLinearMatMul", .name = "matmul_bytes", .applies = applies,
                   .seconds = seconds, .make = make);
DRAWBAR_CPU_TACTIC(integer, .op = "MatMulInteger", .name = "matmul_bytes", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
