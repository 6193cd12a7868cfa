#include <algorithm>
#include <cmath>

#include "ops/instance_norm/op.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/instance_norm/cpu.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Mean and sum of squared differences from it of n contiguous elements: piece by piece while they
/// are in the nearest cache, joined after Chan, Golub and LeVeque (1979).
void moments(const float* x, int64_t n, float* mean_out, float* squares_out) {
  constexpr int64_t piece = 2048;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V zero = hn::Zero(d);
  double mean = 0, squares = 0;
  for (int64_t begin = 0; begin < n; begin += piece) {
    const int64_t count = std::min(piece, n - begin), whole = count / lanes * lanes;
    const float* from = x + begin;
    V s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    int64_t i = 0;
    for (; i + 4 * lanes <= whole; i += 4 * lanes) {
      s0 = hn::Add(s0, hn::LoadU(d, from + i));
      s1 = hn::Add(s1, hn::LoadU(d, from + i + lanes));
      s2 = hn::Add(s2, hn::LoadU(d, from + i + 2 * lanes));
      s3 = hn::Add(s3, hn::LoadU(d, from + i + 3 * lanes));
    }
    for (; i < whole; i += lanes) s0 = hn::Add(s0, hn::LoadU(d, from + i));
    if (whole < count) s1 = hn::Add(s1, load_part(d, from + whole, count - whole, zero));
    const float own = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)))) /
                      static_cast<float>(count);
    const V centre = hn::Set(d, own);
    s0 = s1 = s2 = s3 = zero;
    const auto add = [&](V sum, V value) HWY_ATTR {
      const V difference = hn::Sub(value, centre);
      return hn::MulAdd(difference, difference, sum);
    };
    for (i = 0; i + 4 * lanes <= whole; i += 4 * lanes) {
      s0 = add(s0, hn::LoadU(d, from + i));
      s1 = add(s1, hn::LoadU(d, from + i + lanes));
      s2 = add(s2, hn::LoadU(d, from + i + 2 * lanes));
      s3 = add(s3, hn::LoadU(d, from + i + 3 * lanes));
    }
    for (; i < whole; i += lanes) s0 = add(s0, hn::LoadU(d, from + i));
    if (whole < count) s1 = add(s1, load_part(d, from + whole, count - whole, centre));
    const double own_squares = static_cast<double>(
        hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)))));
    const auto before = static_cast<double>(begin), now = static_cast<double>(count);
    const double step = static_cast<double>(own) - mean;
    squares += own_squares + step * step * before * now / (before + now);
    mean += step * now / (before + now);
  }
  *mean_out = static_cast<float>(mean);
  *squares_out = static_cast<float>(squares);
}

/// y = x · factor + offset over n contiguous elements.
void affine_run(const float* x, float* y, int64_t n, float factor, float offset) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto a = hn::Set(d, factor), b = hn::Set(d, offset);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + i), a, b), d, y + i);
  }
  if (i < n) store_part(hn::MulAdd(load_part(d, x + i, n - i, b), a, b), d, y + i, n - i);
}

/// Mean and sum of squared differences of `channels` columns of rows that are `step` apart.
void column_moments(const float* x, int64_t rows, int64_t step, int64_t channels, float* mean,
                    float* squares) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V zero = hn::Zero(d), share = hn::Set(d, 1.0f / static_cast<float>(rows));
  for (int64_t c = 0; c < channels; c += lanes) {
    const int64_t n = std::min(lanes, channels - c);
    const auto load = [&](int64_t row) HWY_ATTR {
      return n == lanes ? hn::LoadU(d, x + row * step + c)
                        : load_part(d, x + row * step + c, n, zero);
    };
    constexpr int64_t group = 256;  // so that long sums stay accurate
    V sum = zero;
    for (int64_t begin = 0; begin < rows; begin += group) {
      V part = zero;
      for (int64_t r = begin; r < std::min(rows, begin + group); ++r) part = hn::Add(part, load(r));
      sum = hn::Add(sum, part);
    }
    const V centre = hn::Mul(sum, share);
    V total = zero;
    for (int64_t begin = 0; begin < rows; begin += group) {
      V part = zero;
      for (int64_t r = begin; r < std::min(rows, begin + group); ++r) {
        const V difference = hn::Sub(load(r), centre);
        part = hn::MulAdd(difference, difference, part);
      }
      total = hn::Add(total, part);
    }
    store_part(centre, d, mean + c, n);
    store_part(total, d, squares + c, n);
  }
}

/// y = x · factors + offsets over rows of `channels` contiguous elements.
void affine_rows(const float* x, float* y, int64_t rows, int64_t channels, const float* factors,
                 const float* offsets) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int64_t r = 0; r < rows; ++r, x += channels, y += channels) {
    int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
      hn::StoreU(
          hn::MulAdd(hn::LoadU(d, x + c), hn::LoadU(d, factors + c), hn::LoadU(d, offsets + c)), d,
          y + c);
    }
    if (const int64_t n = channels - c; n > 0) {
      store_part(hn::MulAdd(load_part(d, x + c, n, zero), load_part(d, factors + c, n, zero),
                            load_part(d, offsets + c, n, zero)),
                 d, y + c, n);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(GroupNormalization, any);

constexpr int64_t piece = 1 << 14;        // elements worth a thread's visit
constexpr int64_t channels_at_once = 64;  // of channels-last statistics

struct Sizes {
  int64_t images = 1, channels = 1, spatial = 1, groups = 1;
  float epsilon = 0;
  bool per_group = false;  // scale and bias have one element per group

  explicit Sizes(const Problem& problem) {
    const auto& op = *problem.op.as<ops::GroupNorm>();
    const Operand& x = problem.inputs[0];
    images = x.dim(0);
    channels = x.dim(1);
    for (int64_t i = 2; i < x.rank(); ++i) spatial *= x.dim(i);
    groups = op.groups == 0 ? channels : op.groups;
    epsilon = op.epsilon;
    per_group = problem.inputs[1].size() != channels;
  }
  int64_t group_channels() const { return channels / groups; }
  float inverse_deviation(double squares) const {
    const auto count = static_cast<double>(group_channels() * spatial);
    return static_cast<float>(1 / std::sqrt(squares / count + static_cast<double>(epsilon)));
  }
};

std::unique_ptr<Kernel> make_row_major(const Problem& problem) {
  const Sizes sizes(problem);
  const auto moments = DRAWBAR_SIMD_FOR(problem.isa, moments);
  const auto affine = DRAWBAR_SIMD_FOR(problem.isa, affine_run);
  const int64_t length = sizes.group_channels() * sizes.spatial;
  const int64_t grain = std::max<int64_t>(1, piece / std::max<int64_t>(1, length));
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(sizes.images * sizes.groups, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t group = begin; group < end; ++group) {
        float mean = 0, squares = 0;
        moments(run.in<float>(0) + group * length, length, &mean, &squares);
        const float inverse = sizes.inverse_deviation(static_cast<double>(squares));
        for (int64_t i = 0; i < sizes.group_channels(); ++i) {
          const int64_t which = group % sizes.groups;
          const int64_t at = sizes.per_group ? which : which * sizes.group_channels() + i;
          const float factor = inverse * run.in<float>(1)[at];
          const int64_t from = group * length + i * sizes.spatial;
          affine(run.in<float>(0) + from, run.out<float>(0) + from, sizes.spatial, factor,
                 run.in<float>(2)[at] - mean * factor);
        }
      }
    });
  });
}

/// Scratch holds, per image and channel, mean and squares, which become factor and offset.
std::unique_ptr<Kernel> make_channels_last(const Problem& problem) {
  const Sizes sizes(problem);
  const auto moments = DRAWBAR_SIMD_FOR(problem.isa, column_moments);
  const auto affine = DRAWBAR_SIMD_FOR(problem.isa, affine_rows);
  const int64_t all = sizes.images * sizes.channels;
  const auto finish = [=](const KernelRun& run, float* first, float* second, int64_t group) {
    const int64_t own = sizes.group_channels();
    float* means = first + group * own;
    float* squares = second + group * own;
    double mean = 0, total = 0;
    for (int64_t i = 0; i < own; ++i) mean += static_cast<double>(means[i]);
    mean /= static_cast<double>(own);
    for (int64_t i = 0; i < own; ++i) {
      const double step = static_cast<double>(means[i]) - mean;
      total += static_cast<double>(squares[i]) + step * step * static_cast<double>(sizes.spatial);
    }
    const float inverse = sizes.inverse_deviation(total);
    for (int64_t i = 0; i < own; ++i) {
      const int64_t which = group % sizes.groups;
      const int64_t at = sizes.per_group ? which : which * own + i;
      means[i] = inverse * run.in<float>(1)[at];
      squares[i] = run.in<float>(2)[at] - static_cast<float>(mean) * means[i];
    }
  };
  const int64_t blocks = (sizes.channels + channels_at_once - 1) / channels_at_once;
  const int64_t rows = std::max<int64_t>(1, piece / std::max<int64_t>(1, sizes.channels));
  return make_kernel(
      [=](const KernelRun& run) {
        const float* x = run.in<float>(0);
        auto* first = static_cast<float*>(run.scratch);
        float* second = first + all;
        const int64_t image = sizes.channels * sizes.spatial;
        run.pool.parallel_for(sizes.images * blocks, 1, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t n = i / blocks, channel = i % blocks * channels_at_once;
            const int64_t at = n * sizes.channels + channel;
            moments(x + n * image + channel, sizes.spatial, sizes.channels,
                    std::min(channels_at_once, sizes.channels - channel), first + at, second + at);
          }
        });
        for (int64_t i = 0; i < sizes.images * sizes.groups; ++i) finish(run, first, second, i);
        const int64_t parts = (sizes.spatial + rows - 1) / rows;
        run.pool.parallel_for(sizes.images * parts, 1, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t n = i / parts, row = i % parts * rows;
            const int64_t at = n * image + row * sizes.channels;
            affine(x + at, run.out<float>(0) + at, std::min(rows, sizes.spatial - row),
                   sizes.channels, first + n * sizes.channels, second + n * sizes.channels);
          }
        });
      },
      static_cast<size_t>(all) * 2 * sizeof(float));
}

bool applies(const Problem& problem) {
  for (const Operand& input : problem.inputs) {
    if (input.type != ElementType::f32) return false;
  }
  return problem.inputs[0].size() > 0 && problem.inputs[0].layout == problem.outputs[0].layout;
}

double seconds(const Problem& problem) {
  return 1e-6 + static_cast<double>(problem.inputs[0].size()) * 0.6e-9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  return problem.inputs[0].layout == Layout::row_major ? make_row_major(problem)
                                                       : make_channels_last(problem);
}

DRAWBAR_CPU_TACTIC(group_norm, "GroupNormalization", "group_norm_f32", applies, seconds, make, 0);

}  // namespace
}  // namespace drawbar::cpu
#endif
