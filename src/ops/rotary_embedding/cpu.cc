#include <algorithm>

#include "ops/rotary_embedding/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/rotary_embedding/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Turns elements i and i + half of a head, for i from 0 to half; y may be x.
void rotate_halves(const float* x, float* y, const float* cos, const float* sin, int64_t half) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    const V a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + half + i);
    const V c = hn::LoadU(d, cos + i), s = hn::LoadU(d, sin + i);
    hn::StoreU(hn::MulSub(a, c, hn::Mul(b, s)), d, y + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, y + half + i);
  }
  if (i == half) return;
  const int64_t rest = half - i;
  const V zero = hn::Zero(d);
  const V a = load_part(d, x + i, rest, zero), b = load_part(d, x + half + i, rest, zero);
  const V c = load_part(d, cos + i, rest, zero), s = load_part(d, sin + i, rest, zero);
  store_part(hn::MulSub(a, c, hn::Mul(b, s)), d, y + i, rest);
  store_part(hn::MulAdd(a, s, hn::Mul(b, c)), d, y + half + i, rest);
}

/// Turns elements 2i and 2i + 1; y may be x.
void rotate_pairs(const float* x, float* y, const float* cos, const float* sin, int64_t half) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    V a, b;
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    const V c = hn::LoadU(d, cos + i), s = hn::LoadU(d, sin + i);
    hn::StoreInterleaved2(hn::MulSub(a, c, hn::Mul(b, s)), hn::MulAdd(a, s, hn::Mul(b, c)), d,
                          y + 2 * i);
  }
  for (; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * cos[i] - b * sin[i];
    y[2 * i + 1] = a * sin[i] + b * cos[i];
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using ops::RotaryEmbedding;

constexpr int64_t piece = 1 << 13;  // elements worth a thread's visit

bool applies(const Problem& problem) {
  const Operand& x = problem.inputs[RotaryEmbedding::x];
  return x.type == ElementType::f32 && x.layout == Layout::row_major &&
         problem.outputs[0].layout == Layout::row_major;
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.outputs[0].size()) * 0.3e-9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<RotaryEmbedding>();
  const bool placed = problem.inputs.size() > RotaryEmbedding::positions &&
                      problem.inputs[RotaryEmbedding::positions].present;
  const ops::RotarySizes sizes = rotary_sizes(
      op, problem.inputs[RotaryEmbedding::x].shape, problem.inputs[RotaryEmbedding::cos].shape,
      placed ? &problem.inputs[RotaryEmbedding::positions].shape : nullptr);
  const auto rotate = op.interleaved ? DRAWBAR_SIMD_FOR(problem.isa, rotate_pairs)
                                     : DRAWBAR_SIMD_FOR(problem.isa, rotate_halves);
  const int64_t grain =
      std::max<int64_t>(1, piece / std::max<int64_t>(1, sizes.heads * sizes.size));
  return make_kernel([=](const KernelRun& run) {
    const auto* positions = placed ? run.in<int64_t>(RotaryEmbedding::positions) : nullptr;
    run.pool.parallel_for(sizes.all_rows(), grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t item = i / sizes.rows, row = i % sizes.rows;
        const int64_t line = sizes.line(positions, item, row) * sizes.half;
        const float* cos = run.in<float>(RotaryEmbedding::cos) + line;
        const float* sin = run.in<float>(RotaryEmbedding::sin) + line;
        const float* x = run.in<float>(RotaryEmbedding::x) + sizes.offset(item, row);
        float* y = run.out<float>(0) + sizes.offset(item, row);
        for (int64_t head = 0; head < sizes.heads; ++head) {
          rotate(x, y, cos, sin, sizes.half);
          if (x != y) std::copy(x + 2 * sizes.half, x + sizes.size, y + 2 * sizes.half);
          x += sizes.head_stride;
          y += sizes.head_stride;
        }
      }
    });
  });
}

DRAWBAR_CPU_TACTIC(rotary_embedding, "RotaryEmbedding", "rotary_embedding_f32", applies, seconds,
                   make, 0);

}  // namespace
}  // namespace drawbar::cpu
#endif
