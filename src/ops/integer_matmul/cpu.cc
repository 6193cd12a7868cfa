// Products of quantised rows with constant weights, as a product of bytes.
#include "ops/integer_matmul/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearMatMul;

enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero, kBias };

bool applies(const Problem& p) {
  const Operand &a = p.inputs[kA], &b = p.inputs[kB], &y = p.outputs[0];
  if (a.layout != Layout::row_major || y.layout != Layout::row_major || b.rank() != 2) return false;
  const bool to_f32 = y.type == ElementType::f32;
  for (size_t i : {kAScale, kAZero, kYScale, kYZero}) {
    if (p.inputs[i].size() != 1 && (i < kYScale || !to_f32)) return false;
  }
  for (size_t i : {kAScale, kBScale, kYScale}) {
    if (p.inputs[i].type != ElementType::f32 && (i < kYScale || !to_f32)) return false;
  }
  const int64_t n = b.dim(1), scales = p.inputs[kBScale].size();
  return (scales == 1 || scales == n) && is_byte_product(a, b, p.inputs[kBZero], y, n);
}

int64_t rows_of(const Problem& p) { return p.outputs[0].size() / p.inputs[kB].dim(1); }

double seconds(const Problem& p) {
  const double work = static_cast<double>(p.outputs[0].size() * p.inputs[kB].dim(0));
  return byte_product_seconds(work, p.isa, p.threads);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &a = p.inputs[kA], &b = p.inputs[kB], &y = p.outputs[0];
  const int64_t m = rows_of(p), k = b.dim(0), n = b.dim(1);
  const auto index = [=](int64_t i, int64_t j) { return i * n + j; };
  ByteProduct product(p, b, p.inputs[kBZero], k, n, 1, "rows", index, a.type, y.type);
  const auto scratch = static_cast<size_t>(product.scratch_bytes(m, 1, k, p.threads));
  const ElementType a_type = a.type, y_type = y.type;
  const int64_t w_scales = p.inputs[kBScale].size();
  return make_kernel(
      [=, product = std::move(product)](const KernelRun& run) {
        ByteScales scales;
        scales.x_scale = *run.in<float>(kAScale);
        scales.x_zero = run.inputs[kAZero] ? byte_at(run.inputs[kAZero], a_type, 0) : 0;
        if (y_type != ElementType::f32) {
          scales.y_scale = *run.in<float>(kYScale);
          scales.y_zero = byte_at(run.inputs[kYZero], y_type, 0);
        }
        scales.w_scale = run.in<float>(kBScale);
        scales.w_scales = w_scales;
        scales.bias = run.inputs.size() > kBias ? run.in<int32_t>(kBias) : nullptr;
        const auto* from = run.in<std::byte>(kA);
        const auto fill = [&](int64_t row, int64_t rows, const std::byte** list) {
          for (int64_t r = 0; r < rows; ++r) list[r] = from + (row + r) * k;
        };
        product.run(m, {1, k, a_type == ElementType::i8, fill}, scales, run.outputs[0], n,
                    run.scratch, run.pool);
      },
      scratch, 1U << kB);
}

}  // namespace

DRAWBAR_CPU_TACTIC(bytes, .op = "QLinearMatMul", .name = "matmul_bytes", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
