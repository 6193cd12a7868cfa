// Many rows: the weights become the f32 panels of gemm.h once, when the kernel is made, and take
// the memory of these from then on. Engines do not keep them.
#include "ops/matmul_nbits/op.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::MatMulNBits;

constexpr int64_t least_rows = 16;  // below, what is read of the weights decides

const MatMulNBits& op_of(const Problem& p) { return *p.op.as<MatMulNBits>(); }
const Operand* operand(const Problem& p, size_t i) {
  return i < p.inputs.size() && p.inputs[i].present ? &p.inputs[i] : nullptr;
}
int64_t rows_of(const Problem& p) { return p.inputs[MatMulNBits::a].size() / op_of(p).k; }

bool applies(const Problem& p) {
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const Operand* x = operand(p, i);
    const bool weights = i != MatMulNBits::a && i != MatMulNBits::bias;
    if (x == nullptr) continue;
    if (x->layout != Layout::row_major || (weights && !x->constant) ||
        (x->type != ElementType::f32 && (!weights || x->type != ElementType::u8)))
      return false;
  }
  return rows_of(p) >= least_rows && p.outputs[0].layout == Layout::row_major;
}

double seconds(const Problem& p) {
  const MatMulNBits& op = op_of(p);
  const double peak = p.isa >= Isa::avx512 ? 140e9 : p.isa == Isa::avx2 ? 75e9 : 8e9;
  const auto weights = static_cast<double>(op.n) * static_cast<double>(op.k);
  return 2e-6 + 2 * static_cast<double>(rows_of(p)) * weights / (peak * p.threads) +
         4 * weights / 12e9;
}

/// The weights as f32, transposed: line n is column n of W.
void unpack(const MatMulNBits& op, const Tensor& q, const Tensor& scales, const Tensor* zeros,
            int64_t n, float* to) {
  const int64_t blocks = op.blocks();
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t at = n * blocks + block;
    float zero = static_cast<float>(1 << (op.bits - 1));
    if (zeros != nullptr && zeros->type() == ElementType::f32) zero = zeros->data<float>()[at];
    if (zeros != nullptr && zeros->type() == ElementType::u8) {
      const uint8_t* line = zeros->data<uint8_t>() + n * op.zero_bytes();
      zero = static_cast<float>(ops::packed_element(line, block, op.bits));
    }
    const uint8_t* from = q.data<uint8_t>() + at * op.block_bytes();
    const float scale = scales.data<float>()[at];
    const int64_t first = block * op.block_size, count = std::min(op.block_size, op.k - first);
    for (int64_t i = 0; i < count; ++i) {
      const auto number = static_cast<float>(ops::packed_element(from, i, op.bits));
      to[first + i] = (number - zero) * scale;
    }
  }
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const MatMulNBits op = op_of(p);
  const ConstantPtr &q = p.inputs[MatMulNBits::b].constant,
                    &scales = p.inputs[MatMulNBits::scales].constant;
  const Operand* zeros = operand(p, MatMulNBits::zero_points);
  const std::string form = fmt::format(
      "nbits_f32 {} k={} n={} bits={} block={} scales={} zeros={}", name(p.isa), op.k, op.n,
      op.bits, op.block_size, scales->hash().hex(), zeros ? zeros->constant->hash().hex() : "none");
  const auto pack = [&](const Tensor& source, void* packed) {
    const int64_t width = panel_width(p.isa);
    std::vector<float> lines(static_cast<size_t>(width * op.k));
    for (int64_t n = 0; n < op.n; n += width) {
      const int64_t count = std::min(width, op.n - n);
      for (int64_t i = 0; i < count; ++i) {
        unpack(op, source, scales->tensor(), zeros ? &zeros->constant->tensor() : nullptr, n + i,
               lines.data() + i * op.k);
      }
      cpu::pack(lines.data(), op.k, true, op.k, count, p.isa,
                static_cast<float*>(packed) + n * op.k);
    }
  };
  const auto panels = p.packed.get(q, form, static_cast<size_t>(packed_bytes(op.k, op.n, p.isa)),
                                   pack, /*saved=*/false);
  const int64_t rows = rows_of(p);
  const bool biased = operand(p, MatMulNBits::bias) != nullptr;
  uint32_t inputs = 1U << MatMulNBits::b | 1U << MatMulNBits::scales;
  if (zeros != nullptr) inputs |= 1U << MatMulNBits::zero_points;
  return make_kernel(
      [=, isa = p.isa](const KernelRun& run) {
        Epilogue epilogue;
        if (biased) epilogue.bias = run.in<float>(MatMulNBits::bias);
        gemm(rows, run.in<float>(MatMulNBits::a), op.k, {panels.get(), op.k, op.n, isa},
             run.out<float>(0), op.n, epilogue, &run.pool);
      },
      0, inputs);
}

}  // namespace

DRAWBAR_CPU_TACTIC(panels, .op = "MatMulNBits", .name = "matmul_nbits_panels", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
