#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/reduce/fold.h"
#include "ops/reduce/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/reduce/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/pointwise/cpu_vector_math.h"
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One step of a fold; `shift` is subtracted before exponentials.
template <FoldKind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V fold_step(D d, V folded, V x, V shift) {
  switch (kKind) {
    case FoldKind::sum:
      return hn::Add(folded, x);
    case FoldKind::absolute:
      return hn::Add(folded, hn::Abs(x));
    case FoldKind::squares:
      return hn::MulAdd(x, x, folded);
    case FoldKind::product:
      return hn::Mul(folded, x);
    case FoldKind::max:  // not-a-number stays
      return hn::IfThenElse(hn::Or(hn::Gt(folded, x), hn::Ne(folded, folded)), folded, x);
    case FoldKind::min:
      return hn::IfThenElse(hn::Or(hn::Lt(folded, x), hn::Ne(folded, folded)), folded, x);
    case FoldKind::exponentials:
      return hn::Add(folded, math::exp(d, hn::Sub(x, shift)));
  }
}

/// Joins two folded parts.
template <FoldKind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V fold_join(D d, V a, V b) {
  constexpr bool adds =
      kKind == FoldKind::absolute || kKind == FoldKind::squares || kKind == FoldKind::exponentials;
  return fold_step < adds ? FoldKind::sum : kKind > (d, a, b, a);
}

/// All lanes folded to one.
template <FoldKind kKind, class D, class V = hn::Vec<D>>
HWY_INLINE float fold_lanes(D d, V folded) {
  if (kKind == FoldKind::product) {
    HWY_ALIGN float parts[hn::MaxLanes(d)];
    hn::Store(folded, d, parts);
    for (size_t lane = 1; lane < hn::Lanes(d); ++lane) parts[0] *= parts[lane];
    return parts[0];
  }
  if (kKind != FoldKind::max && kKind != FoldKind::min) {
    return hn::GetLane(hn::SumOfLanes(d, folded));
  }
  if (!hn::AllTrue(d, hn::Eq(folded, folded))) return std::numeric_limits<float>::quiet_NaN();
  return hn::GetLane(kKind == FoldKind::max ? hn::MaxOfLanes(d, folded)
                                            : hn::MinOfLanes(d, folded));
}

/// Folds `n` contiguous elements into *folded.
template <FoldKind kKind>
void fold_run(const float* x, int64_t n, float shift_value, float* folded) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V first = hn::Set(d, fold_identity(kKind)), shift = hn::Set(d, shift_value);
  V a = first, b = first, c = first, e = first;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = fold_step<kKind>(d, a, hn::LoadU(d, x + i), shift);
    b = fold_step<kKind>(d, b, hn::LoadU(d, x + i + lanes), shift);
    c = fold_step<kKind>(d, c, hn::LoadU(d, x + i + 2 * lanes), shift);
    e = fold_step<kKind>(d, e, hn::LoadU(d, x + i + 3 * lanes), shift);
  }
  for (; i + lanes <= n; i += lanes) a = fold_step<kKind>(d, a, hn::LoadU(d, x + i), shift);
  if (i < n) {
    b = fold_step<kKind>(d, b, load_part(d, x + i, n - i, hn::Set(d, fold_neutral(kKind))), shift);
  }
  a = fold_join<kKind>(d, fold_join<kKind>(d, a, b), fold_join<kKind>(d, c, e));
  *folded =
      hn::GetLane(fold_join<kKind>(d1, hn::Set(d1, *folded), hn::Set(d1, fold_lanes<kKind>(d, a))));
}

/// Folds `rows` rows, `step` elements apart, into folded[columns]. Rows are taken in groups so that
/// long sums stay accurate.
template <FoldKind kKind, int kVectors>
void fold_columns(const float* x, int64_t rows, int64_t step, int64_t last, const float* shifts,
                  float* folded) {
  constexpr int64_t group = 256;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V first = hn::Set(d, fold_identity(kKind));
  const auto load = [&](const float* row, int j) HWY_ATTR {
    return j + 1 < kVectors || last == lanes ? hn::LoadU(d, row + j * lanes)
                                             : load_part(d, row + j * lanes, last, hn::Zero(d));
  };
  V shift[kVectors];
  for (int j = 0; j < kVectors; ++j) shift[j] = load(shifts, j);
  for (int64_t begin = 0; begin < rows; begin += group) {
    V part[kVectors];
    for (int j = 0; j < kVectors; ++j) part[j] = first;
    const float* row = x + begin * step;
    for (int64_t r = std::min(group, rows - begin); r > 0; --r, row += step) {
      for (int j = 0; j < kVectors; ++j) {
        part[j] = fold_step<kKind>(d, part[j], load(row, j), shift[j]);
      }
    }
    for (int j = 0; j < kVectors; ++j) {
      const V whole = fold_join<kKind>(d, load(folded, j), part[j]);
      if (j + 1 < kVectors || last == lanes) {
        hn::StoreU(whole, d, folded + j * lanes);
      } else {
        store_part(whole, d, folded + j * lanes, last);
      }
    }
  }
}

template <FoldKind kKind>
void fold_block(const float* x, int64_t rows, int64_t step, int64_t columns, const float* shifts,
                float* folded) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + 8 * lanes <= columns; i += 8 * lanes) {
    fold_columns<kKind, 8>(x + i, rows, step, lanes, shifts + i, folded + i);
  }
  for (; i < columns; i += lanes) {
    fold_columns<kKind, 1>(x + i, rows, step, std::min(lanes, columns - i), shifts + i, folded + i);
  }
}

/// What is done to the folded values at the end.
void finish_fold(float* y, int64_t n, ops::Reduction kind, float factor, const float* shifts) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t count = std::min(lanes, n - i);
    V v = load_part(d, y + i, count, hn::Zero(d));
    if (kind == ops::Reduction::mean) v = hn::Mul(v, hn::Set(d, factor));
    if (kind == ops::Reduction::l2) v = hn::Sqrt(v);
    if (kind == ops::Reduction::log_sum) v = math::log(d, v);
    if (kind == ops::Reduction::log_sum_exp) {
      v = hn::Add(math::log(d, v), load_part(d, shifts + i, count, hn::Zero(d)));
    }
    store_part(v, d, y + i, count);
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using ops::Reduce;
using ops::Reduction;

DRAWBAR_CPU_LAYOUT(ReduceSum, any);
DRAWBAR_CPU_LAYOUT(ReduceMean, any);
DRAWBAR_CPU_LAYOUT(ReduceMax, any);
DRAWBAR_CPU_LAYOUT(ReduceMin, any);
DRAWBAR_CPU_LAYOUT(ReduceL2, any);
DRAWBAR_CPU_LAYOUT(ReduceSumSquare, any);

constexpr int64_t piece = 1 << 14;      // elements worth a thread's visit
constexpr int64_t most_columns = 1024;  // folded at once
constexpr int64_t most_runs = 64;       // outputs folded at once when runs are contiguous

using FoldRun = void (*)(const float*, int64_t, float, float*);
using FoldBlock = void (*)(const float*, int64_t, int64_t, int64_t, const float*, float*);

struct Fold {
  FoldRun run = nullptr;
  FoldBlock block = nullptr;
  float identity = 0;
};

template <FoldKind kKind>
Fold make_fold(Isa isa) {
  return {DRAWBAR_SIMD_FOR(isa, fold_run<kKind>), DRAWBAR_SIMD_FOR(isa, fold_block<kKind>),
          fold_identity(kKind)};
}

Fold fold_of(FoldKind kind, Isa isa) {
  switch (kind) {
    case FoldKind::sum:
      return make_fold<FoldKind::sum>(isa);
    case FoldKind::absolute:
      return make_fold<FoldKind::absolute>(isa);
    case FoldKind::squares:
      return make_fold<FoldKind::squares>(isa);
    case FoldKind::product:
      return make_fold<FoldKind::product>(isa);
    case FoldKind::max:
      return make_fold<FoldKind::max>(isa);
    case FoldKind::min:
      return make_fold<FoldKind::min>(isa);
    case FoldKind::exponentials:
      return make_fold<FoldKind::exponentials>(isa);
  }
  return {};
}

/// Dimensions in the order they lie in memory: the axes, outermost first.
std::vector<size_t> memory_order(const Operand& operand) {
  std::vector<size_t> order;
  for (size_t i = 0; i < operand.shape.size(); ++i) order.push_back(i);
  if (operand.layout == Layout::channels_last && operand.shape.size() > 2) {
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  }
  return order;
}

std::vector<bool> reduced_of(const Problem& problem) {
  const auto& op = *problem.op.as<Reduce>();
  return reduced_axes(op, op.axes, problem.inputs[0].rank());
}

class ReduceKernel final : public Kernel {
 public:
  ReduceKernel(const Problem& problem) : kind_(problem.op.as<Reduce>()->kind) {
    const Operand& x = problem.inputs[0];
    const std::vector<bool> reduced = reduced_of(problem);
    Shape sizes;
    std::vector<bool> flags;
    for (size_t axis : memory_order(x)) {
      sizes.push_back(x.shape[axis]);
      flags.push_back(reduced[axis]);
    }
    int64_t stride = 1;
    const auto loops = ops::reduction_loops(sizes, flags);
    for (size_t i = loops.size(); i-- > 0;) {
      const Loop loop{loops[i].size, stride};
      stride *= loops[i].size;
      (loops[i].reduced ? folded_ : kept_).push_back(loop);
    }
    for (const Loop& loop : folded_) count_ *= loop.size;
    outputs_ = problem.outputs[0].size();
    empty_ = x.size() == 0;
    contiguous_ = kept_.empty() || kept_[0].stride != 1;
    // The innermost kept (or folded) loop is taken by one call.
    if (contiguous_) {
      unit_ = std::min(most_runs, std::max<int64_t>(1, piece / std::max<int64_t>(1, count_)));
      units_ = (outputs_ + unit_ - 1) / unit_;
    } else {
      parts_ = std::max<int64_t>(1, (kept_[0].size + most_columns - 1) / most_columns);
      unit_ = (kept_[0].size + parts_ - 1) / parts_;
      units_ = outputs_ == 0 ? 0 : outputs_ / kept_[0].size * parts_;
    }
    grain_ = std::max<int64_t>(1, piece / std::max<int64_t>(1, unit_ * count_));
    fold_ = fold_of(fold_kind(kind_), problem.isa);
    if (kind_ == Reduction::log_sum_exp) largest_ = fold_of(FoldKind::max, problem.isa);
    finish_ = DRAWBAR_SIMD_FOR(problem.isa, finish_fold);
  }

  void run(const KernelRun& run) const override {
    const float* x = run.in<float>(0);
    float* y = run.out<float>(0);
    run.pool.parallel_for(units_, grain_, [&](int64_t begin, int64_t end, int) {
      for (int64_t unit = begin; unit < end; ++unit) {
        if (contiguous_) {
          runs(x, y, unit * unit_, std::min(outputs_, (unit + 1) * unit_));
        } else {
          const int64_t line = unit / parts_, first = unit % parts_ * unit_;
          columns(x, y + line * kept_[0].size + first, line, first,
                  std::min(unit_, kept_[0].size - first));
        }
      }
    });
  }

 private:
  struct Loop {
    int64_t size, stride;
  };

  /// Where the kept loops from `inner` on put output number `index`.
  int64_t offset_of(const std::vector<Loop>& loops, size_t inner, int64_t index) const {
    int64_t offset = 0;
    for (size_t i = inner; i < loops.size(); ++i) {
      offset += index % loops[i].size * loops[i].stride;
      index /= loops[i].size;
    }
    return offset;
  }

  /// Outputs [begin, end), whose folded elements lie in contiguous runs.
  void runs(const float* x, float* y, int64_t begin, int64_t end) const {
    std::array<float, most_runs> shifts{};
    const int64_t length = folded_.empty() ? 1 : folded_[0].size;
    for (int64_t o = begin; o < end; ++o) {
      const float* from = x + offset_of(kept_, 0, o);
      float& shift = shifts[static_cast<size_t>(o - begin)];
      const auto fold_all = [&](const Fold& fold, float* to) {
        *to = fold.identity;
        for (int64_t i = 0; !empty_ && i < count_ / length; ++i) {
          fold.run(from + offset_of(folded_, 1, i), length, shift, to);
        }
      };
      if (kind_ == Reduction::log_sum_exp) {
        float largest = 0;
        fold_all(largest_, &largest);
        shift = std::isinf(largest) ? 0 : largest;
      }
      fold_all(fold_, y + o);
    }
    finish_(y + begin, end - begin, kind_, 1.0f / static_cast<float>(count_), shifts.data());
  }

  /// A piece of an output line: `n` columns from `first` on.
  void columns(const float* x, float* y, int64_t line, int64_t first, int64_t n) const {
    std::array<float, most_columns> shifts;
    std::fill_n(shifts.begin(), n, 0.0f);
    const float* from = x + offset_of(kept_, 1, line) + first;
    const auto fold_all = [&](const Fold& fold, float* to) {
      std::fill_n(to, n, fold.identity);
      const int64_t rows = folded_.empty() ? 1 : folded_[0].size;
      const int64_t step = folded_.empty() ? 0 : folded_[0].stride;
      for (int64_t i = 0; !empty_ && i < count_ / rows; ++i) {
        fold.block(from + offset_of(folded_, 1, i), rows, step, n, shifts.data(), to);
      }
    };
    if (kind_ == Reduction::log_sum_exp) {
      fold_all(largest_, y);
      for (int64_t i = 0; i < n; ++i) {
        shifts[static_cast<size_t>(i)] = std::isinf(y[i]) ? 0 : y[i];
      }
    }
    fold_all(fold_, y);
    finish_(y, n, kind_, 1.0f / static_cast<float>(count_), shifts.data());
  }

  Reduction kind_;
  std::vector<Loop> kept_, folded_;  // innermost first
  int64_t count_ = 1, outputs_ = 0, unit_ = 1, units_ = 0, parts_ = 1, grain_ = 1;
  bool contiguous_ = false, empty_ = false;
  Fold fold_, largest_;
  void (*finish_)(float*, int64_t, Reduction, float, const float*) = nullptr;
};

/// The result must lie in the order in which x has what is kept.
bool applies(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (x.type != ElementType::f32 || problem.inputs.size() > 1 || x.rank() > 64) return false;
  const bool keep_dims = problem.op.as<Reduce>()->keep_dims;
  const std::vector<bool> reduced = reduced_of(problem);
  std::vector<size_t> kept;
  for (size_t axis : memory_order(x)) {
    if (!reduced[axis] && x.shape[axis] != 1) kept.push_back(axis);
  }
  std::vector<size_t> wanted;
  if (keep_dims) {
    for (size_t axis : memory_order(y)) {
      if (!reduced[axis] && x.shape[axis] != 1) wanted.push_back(axis);
    }
  } else {
    if (y.layout != Layout::row_major) return false;
    for (size_t axis = 0; axis < reduced.size(); ++axis) {
      if (!reduced[axis] && x.shape[axis] != 1) wanted.push_back(axis);
    }
  }
  return kept == wanted;
}

double seconds(const Problem& problem) {
  const double each = problem.op.as<Reduce>()->kind == Reduction::log_sum_exp ? 1e-9 : 0.3e-9;
  return 1e-6 + static_cast<double>(problem.inputs[0].size()) * each / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  return std::make_unique<ReduceKernel>(problem);
}

[[maybe_unused]] const bool registered = [] {
  for (int kind = 0; kind <= static_cast<int>(Reduction::sum_square); ++kind) {
    register_tactic({.op = Reduce{.kind = static_cast<Reduction>(kind)}.op_name(),
                     .name = "reduce_f32",
                     .applies = applies,
                     .seconds = seconds,
                     .make = make});
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cpu
#endif
