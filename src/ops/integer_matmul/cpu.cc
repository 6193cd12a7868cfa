// Products of quantised rows with constant weights, as a product of bytes.
#include "ops/integer_matmul/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {
namespace {

/// A product by QLinearMatMul or MatMulInteger: rows [m, k] and constant weights [k, n].
struct Product : ByteOperands {
  explicit Product(const Problem& p) : ByteOperands(p, p.op.as<ops::MatMulInteger>() != nullptr) {}

  bool applies(const Problem& p) const {
    const Operand &a = p.inputs[kX], &b = p.inputs[w_input], &c = p.outputs[0];
    return a.layout == Layout::row_major && c.layout == Layout::row_major && b.rank() == 2 &&
           is_byte_product(a, b, w_zero(p), c, b.dim(1));
  }
  int64_t k(const Problem& p) const { return p.inputs[w_input].dim(0); }
  int64_t n(const Problem& p) const { return p.inputs[w_input].dim(1); }
  int64_t m(const Problem& p) const { return p.outputs[0].size() / n(p); }
};

bool applies(const Problem& p) {
  const Product product(p);
  if (!product.applies(p)) return false;
  const int64_t zeros = Product::input(p, Product::kXZero).size();
  if (product.sums_only) return zeros == 1 || zeros == product.m(p);
  const bool to_f32 = p.outputs[0].type == ElementType::f32;
  using P = Product;
  for (size_t i : {P::kXScale, P::kXZero, P::kYScale, P::kYZero}) {
    if (p.inputs[i].size() != 1 && (i < P::kYScale || !to_f32)) return false;
  }
  for (size_t i : {P::kXScale, P::kWScale, P::kYScale}) {
    if (p.inputs[i].type != ElementType::f32 && (i < P::kYScale || !to_f32)) return false;
  }
  return product.w_scales == 1 || product.w_scales == product.n(p);
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
  const auto index = [=](int64_t i, int64_t j) { return i * n + j; };
  ByteProduct product(p, p.inputs[at.w_input], at.w_zero(p), k, n, 1, "rows", index, at.x, at.y);
  const auto scratch = static_cast<size_t>(product.scratch_bytes(m, 1, k, p.threads));
  const bool row_zeros = Product::input(p, Product::kXZero).size() > 1;
  return make_kernel(
      [=, product = std::move(product)](const KernelRun& run) {
        ByteScales scales = at.scales(run);
        if (row_zeros) scales.x_zero = 0;  // taken off behind
        const auto* from = run.in<std::byte>(Product::kX);
        const auto fill = [&](int64_t row, int64_t rows, const std::byte** list) {
          for (int64_t r = 0; r < rows; ++r) list[r] = from + (row + r) * k;
        };
        const ByteLines lines{&from, k, m};
        const ByteRows rows{1, k, at.x == ElementType::i8, fill, from, from + m * k, &lines};
        product.run(m, rows, scales, run.outputs[0], n, run.scratch, run.pool);
        if (row_zeros) {
          take_off(run.inputs[Product::kXZero], at.x, product.column_sums(), m, n,
                   run.out<int32_t>(0), run.pool);
        }
      },
      scratch, 1U << at.w_input);
}

}  // namespace

DRAWBAR_CPU_TACTIC(linear, .op = "QLinearMatMul", .name = "matmul_bytes", .applies = applies,
                   .seconds = seconds, .make = make);
DRAWBAR_CPU_TACTIC(integer, .op = "MatMulInteger", .name = "matmul_bytes", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
