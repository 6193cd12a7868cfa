#include <algorithm>

#include "ops/svm/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/svm/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/pointwise/cpu_vector_math.h"

#ifndef DRAWBAR_SVM_BLOCK
#define DRAWBAR_SVM_BLOCK
namespace drawbar::cpu {
/// Support vectors are packed so many side by side, feature by feature.
inline constexpr int64_t rbf_block = 32;
}  // namespace drawbar::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// exp(-gamma |x - v|²) for the vectors of one block.
void rbf_of_block(const float* x, const float* vectors, int64_t features, float gamma, float* y) {
  const hn::CappedTag<float, 16> d;
  using V = hn::Vec<decltype(d)>;
  constexpr auto lanes = static_cast<int64_t>(hn::MaxLanes(d));
  constexpr int64_t registers = std::min<int64_t>(rbf_block / lanes, 8);
  for (int64_t first = 0; first < rbf_block; first += registers * lanes) {
    V sums[registers];
    for (V& sum : sums) sum = hn::Zero(d);
    for (int64_t f = 0; f < features; ++f) {
      const V value = hn::Set(d, x[f]);
      for (int64_t r = 0; r < registers; ++r) {
        const V gap = hn::Sub(value, hn::LoadU(d, vectors + f * rbf_block + first + r * lanes));
        sums[r] = hn::MulAdd(gap, gap, sums[r]);
      }
    }
    for (int64_t r = 0; r < registers; ++r) {
      hn::StoreU(math::exp(d, hn::Mul(hn::Set(d, -gamma), sums[r])), d, y + first + r * lanes);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &vectors = problem.inputs[1];
  return x.type == ElementType::f32 && vectors.constant && vectors.rank() == 2;
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.outputs[0].size() * problem.inputs[1].dim(1)) * 0.1e-9 /
                    problem.threads;
}

int64_t blocks_of(int64_t vectors) { return (vectors + rbf_block - 1) / rbf_block; }

void pack(const Tensor& vectors, float* packed) {
  const int64_t count = vectors.dim(0), features = vectors.dim(1);
  std::fill_n(packed, blocks_of(count) * rbf_block * features, 0.0f);
  for (int64_t v = 0; v < count; ++v) {
    float* to = packed + v / rbf_block * rbf_block * features + v % rbf_block;
    for (int64_t f = 0; f < features; ++f)
      to[f * rbf_block] = vectors.data<float>()[v * features + f];
  }
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const Operand &x = problem.inputs[0], &vectors = problem.inputs[1];
  const int64_t rows = x.dim(0), features = x.dim(1), count = vectors.dim(0);
  const int64_t blocks = blocks_of(count);
  const auto packed = problem.packed.get(
      vectors.constant, fmt::format("rbf {}", rbf_block),
      static_cast<size_t>(storage_bytes(ElementType::f32, blocks * rbf_block * features)),
      [](const Tensor& source, void* memory) { pack(source, static_cast<float*>(memory)); });
  const auto block = DRAWBAR_SIMD_FOR(problem.isa, rbf_of_block);
  const float gamma = problem.op.as<ops::RbfKernels>()->gamma;
  const auto grain = std::max<int64_t>(1, 4096 / (rbf_block * std::max<int64_t>(features, 1)));
  return make_kernel(
      [=](const KernelRun& run) {
        const auto* from = reinterpret_cast<const float*>(packed.get());
        run.pool.parallel_for(rows * blocks, grain, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t row = i / blocks, b = i % blocks;
            alignas(64) float values[rbf_block];
            block(run.in<float>(0) + row * features, from + b * rbf_block * features, features,
                  gamma, values);
            std::copy_n(values, std::min(rbf_block, count - b * rbf_block),
                        run.out<float>(0) + row * count + b * rbf_block);
          }
        });
      },
      0, 1U << 1);
}

DRAWBAR_CPU_TACTIC(rbf, "RbfKernels", "rbf_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
#endif
