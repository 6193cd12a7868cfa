#pragma once

#include <string>
#include <vector>

#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// Folds input 0 over the axes that are `reduced` into output 0, which has the dimensions that are
/// left, those reduced being 1 or missing; any memory orders. `fold` is a fold of
/// ops/reduce/cuda_folds.cuh for the element type: "reduce::sum<float>".
std::unique_ptr<Kernel> make_reduction(const Problem& problem, const std::string& fold,
                                       const std::vector<bool>& reduced);

/// An operand as lines along one axis in memory: element k of line l stands at
/// l / inner * length * inner + l % inner + k * inner.
struct Lines {
  int64_t outer = 1, length = 1, inner = 1;
  int64_t count() const { return outer * inner; }
};
/// `axis` as attributes give it; a scalar is one line of one element.
Lines lines_along(const Operand& operand, int64_t axis);

/// The most neighbours of a type, at most 16 bytes and a power of two, that divide `count`.
int64_t vector_width(int64_t count, ElementType type);
/// The least power of two that is not less.
int64_t power_of_two_from(int64_t value);
/// The bits of a float as a template argument.
std::string float_bits(float value);

}  // namespace drawbar::cuda
