#include <algorithm>
#include <limits>

#include "ops/arg_reduce/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/arg_reduce/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Whether `a` goes before `b`: better, or not a number while b is one.
template <bool kMinimum, class D, class V = hn::Vec<D>>
HWY_INLINE hn::Mask<D> goes_before(D, V a, V b) {
  const auto better = kMinimum ? hn::Lt(a, b) : hn::Gt(a, b);
  return hn::Or(better, hn::And(hn::Ne(a, a), hn::Eq(b, b)));
}

/// The position of the best element of a contiguous line: every lane finds its own first, then the
/// lanes are compared.
template <bool kMinimum, bool kLast>
int64_t line_position(const float* x, int64_t length) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float values[hn::MaxLanes(d)];
  HWY_ALIGN int32_t places[hn::MaxLanes(d)];
  auto best = hn::Set(d, x[0]);
  auto place = hn::Zero(di);
  auto now = hn::Iota(di, 0);
  if (length >= lanes) {
    best = hn::LoadU(d, x);
    place = now;
  }
  int64_t i = lanes;
  for (; i + lanes <= length; i += lanes) {
    now = hn::Add(now, hn::Set(di, static_cast<int32_t>(lanes)));
    const auto v = hn::LoadU(d, x + i);
    // The last of equal ones: unless the held one goes before.
    const auto take =
        kLast ? hn::Not(goes_before<kMinimum>(d, best, v)) : goes_before<kMinimum>(d, v, best);
    best = hn::IfThenElse(take, v, best);
    place = hn::IfThenElse(hn::RebindMask(di, take), now, place);
  }
  hn::Store(best, d, values);
  hn::Store(place, di, places);
  float held = values[0];
  int64_t at = places[0];
  const auto consider = [&](float value, int64_t where) {
    const bool before =
        (kMinimum ? value < held : value > held) || (value != value && held == held);
    const bool equal = value == held || (value != value && held != held);
    if (before || (equal && (kLast ? where > at : where < at))) {
      held = value;
      at = where;
    }
  };
  const int64_t seen = length >= lanes ? lanes : 0;
  for (int64_t lane = 1; lane < seen; ++lane) consider(values[lane], places[lane]);
  if (lanes == 1) return at;  // nothing is left over
  for (int64_t rest = length >= lanes ? length / lanes * lanes : 1; rest < length; ++rest) {
    consider(x[rest], rest);
  }
  return at;
}

/// Positions along `length` rows that are `step` apart, for up to a vector of columns.
template <bool kMinimum, bool kLast>
void column_positions(const float* x, int64_t length, int64_t step, int64_t columns, int64_t* y) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN int32_t places[hn::MaxLanes(d)];
  for (int64_t c = 0; c < columns; c += lanes) {
    const int64_t n = std::min(lanes, columns - c);
    const auto load = [&](int64_t row) HWY_ATTR {
      return n == lanes ? hn::LoadU(d, x + row * step + c)
                        : load_part(d, x + row * step + c, n, hn::Zero(d));
    };
    auto best = load(0);
    auto place = hn::Zero(di);
    for (int64_t r = 1; r < length; ++r) {
      const auto v = load(r);
      const auto take =
          kLast ? hn::Not(goes_before<kMinimum>(d, best, v)) : goes_before<kMinimum>(d, v, best);
      best = hn::IfThenElse(take, v, best);
      place = hn::IfThenElse(hn::RebindMask(di, take), hn::Set(di, static_cast<int32_t>(r)), place);
    }
    hn::Store(place, di, places);
    for (int64_t i = 0; i < n; ++i) y[c + i] = places[i];
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t piece = 1 << 14;        // elements worth a thread's visit
constexpr int64_t columns_at_once = 256;  // of a block whose lines are not contiguous

bool applies(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  if (x.type != ElementType::f32 || x.layout != Layout::row_major || x.size() == 0) return false;
  const int64_t axis = Infer::axis(problem.op.as<ops::ArgReduce>()->axis, x.rank());
  return x.dim(axis) <= std::numeric_limits<int32_t>::max();
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.inputs[0].size()) * 0.4e-9 / problem.threads;
}

template <bool kMinimum, bool kLast>
std::unique_ptr<Kernel> make_for(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  const int64_t axis = Infer::axis(problem.op.as<ops::ArgReduce>()->axis, x.rank());
  const int64_t length = x.dim(axis), inner = x.strides()[static_cast<size_t>(axis)];
  const int64_t lines = x.size() / length;
  if (inner == 1) {
    const auto position = DRAWBAR_SIMD_FOR(problem.isa, line_position<kMinimum, kLast>);
    return make_kernel([=](const KernelRun& run) {
      run.pool.parallel_for(
          lines, std::max<int64_t>(1, piece / length), [&](int64_t begin, int64_t end, int) {
            for (int64_t i = begin; i < end; ++i) {
              run.out<int64_t>(0)[i] = position(run.in<float>(0) + i * length, length);
            }
          });
    });
  }
  const auto positions = DRAWBAR_SIMD_FOR(problem.isa, column_positions<kMinimum, kLast>);
  const int64_t parts = (inner + columns_at_once - 1) / columns_at_once;
  const int64_t grain = std::max<int64_t>(1, piece / (length * std::min(inner, columns_at_once)));
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(lines / inner * parts, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t block = i / parts, column = i % parts * columns_at_once;
        positions(run.in<float>(0) + block * length * inner + column, length, inner,
                  std::min(columns_at_once, inner - column),
                  run.out<int64_t>(0) + block * inner + column);
      }
    });
  });
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<ops::ArgReduce>();
  if (op.minimum) {
    return op.select_last ? make_for<true, true>(problem) : make_for<true, false>(problem);
  }
  return op.select_last ? make_for<false, true>(problem) : make_for<false, false>(problem);
}

DRAWBAR_CPU_TACTIC(arg_max, "ArgMax", "arg_max_f32", applies, seconds, make);
DRAWBAR_CPU_TACTIC(arg_min, "ArgMin", "arg_min_f32", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
#endif
