#pragma once

#include <utility>
#include <vector>

#include "ir/infer.h"
#include "ir/op.h"

// For operators that are a convolution, `conv`, and what reads its result. Their first inputs are
// the convolution's.
namespace drawbar::ops::joined {

/// Input i, or an absent one.
inline Infer::Input given(const Infer& context, size_t i) {
  return context.has(i) ? context.input(i) : Infer::Input{};
}
inline Tensor given(const Evaluation& e, size_t i) { return e.has(i) ? e.input(i) : Tensor{}; }

/// What the convolution of so many inputs infers its result from.
inline Infer conv_context(const Infer& context, size_t inputs) {
  std::vector<Infer::Input> first;
  for (size_t i = 0; i < inputs; ++i) first.push_back(given(context, i));
  return Infer("", std::move(first), 1);
}

/// The type of the convolution's result.
template <class Joined>
Type type_between(const Joined& op, const Infer& context, size_t inputs) {
  Infer first = conv_context(context, inputs);
  infer(op.conv, first);
  return first.results()[0].type;
}

}  // namespace drawbar::ops::joined
