#include "targets/cpu/gemm/byte_pairs.h"

#include <algorithm>
#include <array>
#include <span>

#include "targets/cpu/gemm/blocking.h"

namespace drawbar::cpu {
namespace {

/// Weights of one sum of 16 bits: those of a step are neighbours.
using Sum = std::span<int16_t>;

/// Takes what exceeds the bound, or i8, off the weights and leaves it in `rest`; from the last ones
/// first.
void bound(Sum weights, Sum rest) {
  int positive = 0, negative = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const int weight = weights[i];
    const int kept = weight > 0 ? std::min({weight, 127, kMostOfPairs - positive})
                                : std::max({weight, -128, negative - kMostOfPairs});
    (weight > 0 ? positive : negative) += std::abs(kept);
    weights[i] = static_cast<int16_t>(kept);
    rest[i] = static_cast<int16_t>(weight - kept);
  }
}

class Splitter {
 public:
  Splitter(const int16_t* b, int64_t k, int64_t n, int64_t run, int64_t column, int64_t columns)
      : b_(b), k_(k), n_(n), run_(run), column_(column), columns_(columns) {
    result_.by.assign(static_cast<size_t>(divide_up(k, 4) * 4 * columns), 0);
  }

  PairedVector pair(Multiply multiply) {
    for (int64_t begin = 0; begin < k_; begin += run_) {
      const int64_t steps = divide_up(std::min(run_, k_ - begin), 4);
      const int64_t paired = multiply == Multiply::fours ? steps / kUnroll * kUnroll : 0;
      for (int64_t step = 0; step < paired; step += 2) add_group(begin + 4 * step, 2);
      for (int64_t step = paired; step < steps; ++step) add_group(begin + 4 * step, 1);
    }
    return std::move(result_);
  }

 private:
  using Step = std::vector<int16_t>;  // [columns][4]

  Step step_at(int64_t row) const {
    Step step(static_cast<size_t>(columns_ * 4));
    for (int64_t j = 0; j < std::min(columns_, n_ - column_); ++j) {
      for (int64_t i = 0; i < std::min<int64_t>(4, k_ - row); ++i)
        step[static_cast<size_t>(j * 4 + i)] = b_[(row + i) * n_ + column_ + j];
    }
    return step;
  }

  /// Whether all weights may stay, as most do.
  static bool fits(std::span<const Step> steps) {
    bool fits = true;
    for (size_t at = 0; at < steps[0].size(); at += 2) {
      int positive = 0, negative = 0;
      for (const Step& step : steps) {
        for (const int weight : {step[at], step[at + 1]}) {
          positive += std::max(weight, 0);
          negative -= std::min(weight, 0);
          fits &= weight <= 127;
        }
      }
      fits &= positive <= kMostOfPairs && negative <= kMostOfPairs;
    }
    return fits;
  }

  /// Bounds what steps are added in 16 bits; the rest of each is left in its place.
  static void bound_steps(std::span<Step* const> steps) {
    std::array<int16_t, 4> weights{}, rest{};
    const size_t count = 2 * steps.size();
    for (size_t at = 0; at < steps[0]->size(); at += 2) {
      for (size_t i = 0; i < count; ++i) weights[i] = (*steps[i / 2])[at + i % 2];
      bound(Sum(weights).first(count), Sum(rest).first(count));
      for (size_t i = 0; i < count; ++i) (*steps[i / 2])[at + i % 2] = rest[i];
    }
  }

  static bool is_zero(const Step& step) {
    return std::all_of(step.begin(), step.end(), [](int16_t weight) { return weight == 0; });
  }

  /// Steps of 4 rows each from `row` that are added in 16 bits. What exceeds is taken off the one
  /// where that leaves the fewest extras.
  void add_group(int64_t row, size_t count) {
    std::array<Step, 2> whole, rest;
    for (size_t i = 0; i < count; ++i) {
      whole[i] = step_at(row + 4 * static_cast<int64_t>(i));
      rest[i].assign(whole[i].size(), 0);
    }
    if (fits(std::span(whole).first(count))) return keep(row, whole, rest, count);
    rest = whole;
    std::array<Step*, 2> order = {&rest[0], &rest[1]};
    bound_steps(std::span(order).first(count));
    if (count == 2 && !is_zero(rest[0]) && !is_zero(rest[1])) {
      rest = whole;
      std::swap(order[0], order[1]);
      bound_steps(order);
    }
    keep(row, whole, rest, count);
  }

  void keep(int64_t row, const std::array<Step, 2>& whole, std::array<Step, 2>& rest,
            size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const int64_t at = row + 4 * static_cast<int64_t>(i);
      int8_t* by = result_.by.data() + at * columns_;
      for (size_t e = 0; e < whole[i].size(); ++e)
        by[e] = static_cast<int8_t>(whole[i][e] - rest[i][e]);
      while (!is_zero(rest[i])) add_extra(at, rest[i]);
    }
  }

  void add_extra(int64_t row, Step& rest) {
    const Step whole = rest;
    Step* const steps[] = {&rest};
    bound_steps(steps);
    result_.extra.push_back({static_cast<int32_t>(row / run_), static_cast<int32_t>(row % run_)});
    for (size_t e = 0; e < rest.size(); ++e)
      result_.extra_by.push_back(static_cast<int8_t>(whole[e] - rest[e]));
  }

  const int16_t* b_;
  int64_t k_, n_, run_, column_, columns_;
  PairedVector result_;
};

}  // namespace

PairedVector pair_vector(const int16_t* b, int64_t k, int64_t n, int64_t run, int64_t column,
                         int64_t columns, Multiply multiply) {
  return Splitter(b, k, n, run, column, columns).pair(multiply);
}

}  // namespace drawbar::cpu
