#include <algorithm>
#include <cmath>

#include "ops/layer_norm/op.h"
#include "ops/layer_norm/row.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/layer_norm/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Three passes over a row that stays in the nearest cache: (sum with the residual and) mean,
/// variance, result. With kSquares the mean is taken as 0.
template <bool kSquares>
void layer_norm_row(LayerNormRow* args) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t length = args->length, whole = length / lanes * lanes, rest = length - whole;
  const float* x = args->x;
  const V zero = hn::Zero(d);

  if (args->residual != nullptr) {
    for (int64_t i = 0; i < whole; i += lanes) {
      hn::StoreU(hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, args->residual + i)), d, args->sum + i);
    }
    for (int64_t i = whole; i < length; ++i) args->sum[i] = x[i] + args->residual[i];
    x = args->sum;
  }

  V mean = zero;
  if (!kSquares) {
    V s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    int64_t i = 0;
    for (; i + 4 * lanes <= whole; i += 4 * lanes) {
      s0 = hn::Add(s0, hn::LoadU(d, x + i));
      s1 = hn::Add(s1, hn::LoadU(d, x + i + lanes));
      s2 = hn::Add(s2, hn::LoadU(d, x + i + 2 * lanes));
      s3 = hn::Add(s3, hn::LoadU(d, x + i + 3 * lanes));
    }
    for (; i < whole; i += lanes) s0 = hn::Add(s0, hn::LoadU(d, x + i));
    if (rest > 0) s1 = hn::Add(s1, load_part(d, x + whole, rest, zero));
    mean = hn::Div(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))),
                   hn::Set(d, static_cast<float>(length)));
  }

  V q0 = zero, q1 = zero, q2 = zero, q3 = zero;
  int64_t i = 0;
  for (; i + 4 * lanes <= whole; i += 4 * lanes) {
    const V a = hn::Sub(hn::LoadU(d, x + i), mean);
    const V b = hn::Sub(hn::LoadU(d, x + i + lanes), mean);
    const V c = hn::Sub(hn::LoadU(d, x + i + 2 * lanes), mean);
    const V e = hn::Sub(hn::LoadU(d, x + i + 3 * lanes), mean);
    q0 = hn::MulAdd(a, a, q0);
    q1 = hn::MulAdd(b, b, q1);
    q2 = hn::MulAdd(c, c, q2);
    q3 = hn::MulAdd(e, e, q3);
  }
  for (; i < whole; i += lanes) {
    const V a = hn::Sub(hn::LoadU(d, x + i), mean);
    q0 = hn::MulAdd(a, a, q0);
  }
  if (rest > 0) {
    const V a = hn::Sub(load_part(d, x + whole, rest, mean), mean);
    q1 = hn::MulAdd(a, a, q1);
  }
  const float squares = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(q0, q1), hn::Add(q2, q3))));
  const float inverse = 1.0f / sqrtf(squares / static_cast<float>(length) + args->epsilon);
  args->mean = hn::GetLane(mean);
  args->inverse_deviation = inverse;

  const V factor = hn::Set(d, inverse);
  const float* scale = args->scale;
  const float* bias = args->bias;
  float* y = args->y;
  for (i = 0; i < whole; i += lanes) {
    V v = hn::Mul(hn::Sub(hn::LoadU(d, x + i), mean), factor);
    if (scale != nullptr) v = hn::Mul(v, hn::LoadU(d, scale + i));
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + i));
    hn::StoreU(v, d, y + i);
  }
  if (rest > 0) {
    V v = hn::Mul(hn::Sub(load_part(d, x + whole, rest, zero), mean), factor);
    if (scale != nullptr) v = hn::Mul(v, load_part(d, scale + whole, rest, zero));
    if (bias != nullptr) v = hn::Add(v, load_part(d, bias + whole, rest, zero));
    store_part(v, d, y + whole, rest);
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using ops::LayerNorm;

constexpr int64_t piece = 1 << 14;  // elements worth a thread's visit

int64_t row_length(const LayerNorm& op, const Operand& x) {
  int64_t length = 1;
  for (int64_t i = Infer::axis(op.axis, x.rank()); i < x.rank(); ++i) length *= x.dim(i);
  return length;
}

/// Whether a scale or bias holds every element of a row, in order: it has x's dimensions from
/// `axis` on, perhaps with ones in front.
bool holds_a_row(const Operand& parameter, const Operand& x, int64_t axis) {
  for (int64_t back = 1; back <= std::max(parameter.rank(), x.rank() - axis); ++back) {
    const int64_t own = back <= parameter.rank() ? parameter.dim(parameter.rank() - back) : 1;
    const int64_t wanted = back <= x.rank() - axis ? x.dim(x.rank() - back) : 1;
    if (own != wanted) return false;
  }
  return true;
}

bool applies(const Problem& problem) {
  const auto& op = *problem.op.as<LayerNorm>();
  const Operand& x = problem.inputs[0];
  const int64_t axis = Infer::axis(op.axis, x.rank());
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) continue;
    if (operand.type != ElementType::f32 || operand.layout != Layout::row_major) return false;
    const bool parameter = i == LayerNorm::scale || i == LayerNorm::bias;
    if (parameter && !holds_a_row(operand, x, axis)) return false;
  }
  for (const Operand& output : problem.outputs) {
    if (output.present && (output.type != ElementType::f32 || output.layout != Layout::row_major)) {
      return false;
    }
  }
  return true;
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.inputs[0].size()) * 0.5e-9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<LayerNorm>();
  const int64_t length = row_length(op, problem.inputs[0]);
  const int64_t rows = length == 0 ? 0 : problem.inputs[0].size() / length;
  const int64_t grain = std::max<int64_t>(1, piece / std::max<int64_t>(1, length));
  const auto kernel = op.root_mean_square ? DRAWBAR_SIMD_FOR(problem.isa, layer_norm_row<true>)
                                          : DRAWBAR_SIMD_FOR(problem.isa, layer_norm_row<false>);
  const float epsilon = op.epsilon;
  return make_kernel([=](const KernelRun& run) {
    const auto input = [&](size_t i) { return i < run.inputs.size() ? run.in<float>(i) : nullptr; };
    const auto output = [&](size_t i) {
      return i < run.outputs.size() ? run.out<float>(i) : nullptr;
    };
    const float* residual = input(LayerNorm::residual);
    float* sum = output(LayerNorm::sum);
    run.pool.parallel_for(rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        LayerNormRow row{.x = input(LayerNorm::x) + r * length,
                         .residual = residual ? residual + r * length : nullptr,
                         .scale = input(LayerNorm::scale),
                         .bias = input(LayerNorm::bias),
                         .y = output(LayerNorm::y) + r * length,
                         .sum = (sum ? sum : output(LayerNorm::y)) + r * length,
                         .length = length,
                         .epsilon = epsilon};
        if (sum && !residual) std::copy_n(row.x, length, row.sum);
        kernel(&row);
        if (float* mean = output(LayerNorm::mean)) mean[r] = row.mean;
        if (float* inverse = output(LayerNorm::inverse_deviation)) {
          inverse[r] = row.inverse_deviation;
        }
      }
    });
  });
}

DRAWBAR_CPU_TACTIC(layer_norm, "LayerNormalization", "layer_norm_f32", applies, seconds, make, 0);
DRAWBAR_CPU_TACTIC(rms_norm, "RMSNormalization", "rms_norm_f32", applies, seconds, make, 0);

}  // namespace
}  // namespace drawbar::cpu
#endif
