#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/softmax/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/softmax/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/pointwise/cpu_vector_math.h"
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Softmax of `lines` contiguous lines.
template <bool kLog>
void softmax_lines(const float* x, float* y, int64_t lines, int64_t length) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  const int64_t whole = length / lanes * lanes, rest = length - whole;
  for (int64_t line = 0; line < lines; ++line, x += length, y += length) {
    V most0 = lowest, most1 = lowest;
    int64_t i = 0;
    for (; i + 2 * lanes <= whole; i += 2 * lanes) {
      most0 = hn::Max(most0, hn::LoadU(d, x + i));
      most1 = hn::Max(most1, hn::LoadU(d, x + i + lanes));
    }
    if (i < whole) most0 = hn::Max(most0, hn::LoadU(d, x + i));
    if (rest > 0) most1 = hn::Max(most1, load_part(d, x + whole, rest, lowest));
    const V most = hn::MaxOfLanes(d, hn::Max(most0, most1));

    V sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    for (i = 0; i + 2 * lanes <= whole; i += 2 * lanes) {
      const V e0 = math::exp_or_zero(d, hn::Sub(hn::LoadU(d, x + i), most));
      const V e1 = math::exp_or_zero(d, hn::Sub(hn::LoadU(d, x + i + lanes), most));
      sum0 = hn::Add(sum0, e0);
      sum1 = hn::Add(sum1, e1);
      if (!kLog) {
        hn::StoreU(e0, d, y + i);
        hn::StoreU(e1, d, y + i + lanes);
      }
    }
    if (i < whole) {
      const V e = math::exp_or_zero(d, hn::Sub(hn::LoadU(d, x + i), most));
      sum0 = hn::Add(sum0, e);
      if (!kLog) hn::StoreU(e, d, y + i);
    }
    if (rest > 0) {
      const V e = math::exp_or_zero(d, hn::Sub(load_part(d, x + whole, rest, lowest), most));
      sum1 = hn::Add(sum1, hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(rest)), e));
      if (!kLog) store_part(e, d, y + whole, rest);
    }
    const V sum = hn::SumOfLanes(d, hn::Add(sum0, sum1));

    const V shift = kLog ? math::log(d, sum) : hn::Div(hn::Set(d, 1.0f), sum);
    for (i = 0; i < whole; i += lanes) {
      const V v = kLog ? hn::Sub(hn::Sub(hn::LoadU(d, x + i), most), shift)
                       : hn::Mul(hn::LoadU(d, y + i), shift);
      hn::StoreU(v, d, y + i);
    }
    if (rest > 0) {
      const V v = load_part(d, (kLog ? x : y) + whole, rest, lowest);
      store_part(kLog ? hn::Sub(hn::Sub(v, most), shift) : hn::Mul(v, shift), d, y + whole, rest);
    }
  }
}

/// Softmax along `length` rows that are `step` apart, of kVectors vectors of columns; the last one
/// has `last` valid columns.
template <bool kLog, int kVectors>
void softmax_columns(const float* x, float* y, int64_t length, int64_t step, int64_t last) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto load = [&](const float* row, int j) HWY_ATTR {
    return j + 1 < kVectors || last == lanes ? hn::LoadU(d, row + j * lanes)
                                             : load_part(d, row + j * lanes, last, hn::Zero(d));
  };
  const auto store = [&](V v, float* row, int j) HWY_ATTR {
    if (j + 1 < kVectors || last == lanes) {
      hn::StoreU(v, d, row + j * lanes);
    } else {
      store_part(v, d, row + j * lanes, last);
    }
  };
  V most[kVectors], sum[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    most[j] = hn::Set(d, -std::numeric_limits<float>::infinity());
    sum[j] = hn::Zero(d);
  }
  for (int64_t r = 0; r < length; ++r) {
    for (int j = 0; j < kVectors; ++j) most[j] = hn::Max(most[j], load(x + r * step, j));
  }
  for (int64_t r = 0; r < length; ++r) {
    for (int j = 0; j < kVectors; ++j) {
      const V e = math::exp_or_zero(d, hn::Sub(load(x + r * step, j), most[j]));
      sum[j] = hn::Add(sum[j], e);
      if (!kLog) store(e, y + r * step, j);
    }
  }
  for (int j = 0; j < kVectors; ++j) {
    sum[j] = kLog ? hn::Add(most[j], math::log(d, sum[j])) : hn::Div(hn::Set(d, 1.0f), sum[j]);
  }
  for (int64_t r = 0; r < length; ++r) {
    for (int j = 0; j < kVectors; ++j) {
      store(kLog ? hn::Sub(load(x + r * step, j), sum[j]) : hn::Mul(load(y + r * step, j), sum[j]),
            y + r * step, j);
    }
  }
}

/// Columns [begin, end) of one block [length, inner].
template <bool kLog>
void softmax_block(const float* x, float* y, int64_t length, int64_t inner, int64_t begin,
                   int64_t end) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + 4 * lanes <= end; i += 4 * lanes) {
    softmax_columns<kLog, 4>(x + i, y + i, length, inner, lanes);
  }
  for (; i < end; i += lanes) {
    softmax_columns<kLog, 1>(x + i, y + i, length, inner, std::min(lanes, end - i));
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(Softmax, any);

constexpr int64_t piece = 1 << 14;        // elements worth a thread's visit
constexpr int64_t columns_at_once = 256;  // of a block whose lines are not contiguous

bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  return x.type == ElementType::f32 && x.layout == y.layout && x.rank() > 0;
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.outputs[0].size()) * 1e-9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<ops::Softmax>();
  const Operand& x = problem.inputs[0];
  const int64_t axis = Infer::axis(op.axis, x.rank());
  const int64_t length = x.dim(axis), inner = x.strides()[static_cast<size_t>(axis)];
  const int64_t lines = length == 0 ? 0 : x.size() / length;
  if (inner == 1) {
    const auto kernel = op.log ? DRAWBAR_SIMD_FOR(problem.isa, softmax_lines<true>)
                               : DRAWBAR_SIMD_FOR(problem.isa, softmax_lines<false>);
    const int64_t grain = std::max<int64_t>(1, piece / std::max<int64_t>(1, length));
    return make_kernel([=](const KernelRun& run) {
      run.pool.parallel_for(lines, grain, [&](int64_t begin, int64_t end, int) {
        kernel(run.in<float>(0) + begin * length, run.out<float>(0) + begin * length, end - begin,
               length);
      });
    });
  }
  const auto kernel = op.log ? DRAWBAR_SIMD_FOR(problem.isa, softmax_block<true>)
                             : DRAWBAR_SIMD_FOR(problem.isa, softmax_block<false>);
  const int64_t parts = (inner + columns_at_once - 1) / columns_at_once;
  const int64_t units = lines == 0 ? 0 : lines / inner * parts;
  const int64_t unit = length * std::min(inner, columns_at_once);
  const int64_t grain = std::max<int64_t>(1, piece / std::max<int64_t>(1, unit));
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(units, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t block = i / parts * length * inner, column = i % parts * columns_at_once;
        kernel(run.in<float>(0) + block, run.out<float>(0) + block, length, inner, column,
               std::min(inner, column + columns_at_once));
      }
    });
  });
}

DRAWBAR_CPU_TACTIC(softmax, "Softmax", "softmax_f32", applies, seconds, make, 0);

}  // namespace
}  // namespace drawbar::cpu
#endif
