#include <cmath>
#include <limits>

#include "ops/reduce/op.h"

namespace drawbar::ops {
namespace {

/// Sums of integers wrap around as unsigned numbers do.
template <class T>
using Accumulator =
    std::conditional_t<std::is_integral_v<T>,
                       std::conditional_t<std::is_unsigned_v<T>, uint64_t, int64_t>, double>;

template <class A>
A wrapping_add(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

template <class A>
A wrapping_mul(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

template <class A>
A absolute(A a) {
  if constexpr (std::is_unsigned_v<A>) {
    return a;
  } else if constexpr (std::is_integral_v<A>) {
    return a < 0 ? static_cast<A>(0 - static_cast<uint64_t>(a)) : a;
  } else {
    return std::abs(a);
  }
}

template <class T>
Accumulator<T> first_value(Reduction kind) {
  using A = Accumulator<T>;
  using Limits = std::numeric_limits<std::conditional_t<std::is_integral_v<T>, T, A>>;
  const bool lowest = kind == Reduction::max;
  if (kind == Reduction::prod) return A{1};
  if (!lowest && kind != Reduction::min) return A{0};
  if constexpr (std::is_integral_v<T>) {
    return lowest ? static_cast<A>(Limits::lowest()) : static_cast<A>(Limits::max());
  } else {
    return lowest ? -Limits::infinity() : Limits::infinity();
  }
}

/// Not-a-number wins over every number.
template <class A>
A greater_of(A a, A b) {
  return a > b || a != a ? a : b;
}
template <class A>
A lesser_of(A a, A b) {
  return a < b || a != a ? a : b;
}

/// Calls f(offset of the element) for all reduced positions below one output element.
template <class F>
void for_each_reduced(const std::vector<ReductionLoop>& loops, const std::vector<int64_t>& strides,
                      size_t depth, int64_t offset, F&& f) {
  while (depth < loops.size() && !loops[depth].reduced) ++depth;
  if (depth == loops.size()) {
    f(offset);
    return;
  }
  for (int64_t i = 0; i < loops[depth].size; ++i) {
    for_each_reduced(loops, strides, depth + 1, offset + i * strides[depth], f);
  }
}

template <class T, class Visit>
Accumulator<T> fold(Reduction kind, const T* x, Visit&& visit) {
  using A = Accumulator<T>;
  A result = first_value<T>(kind);
  switch (kind) {
    case Reduction::sum:
    case Reduction::mean:
    case Reduction::log_sum:
      visit([&](int64_t i) { result = wrapping_add(result, static_cast<A>(x[i])); });
      break;
    case Reduction::max:
      visit([&](int64_t i) { result = greater_of(result, static_cast<A>(x[i])); });
      break;
    case Reduction::min:
      visit([&](int64_t i) { result = lesser_of(result, static_cast<A>(x[i])); });
      break;
    case Reduction::prod:
      visit([&](int64_t i) { result = wrapping_mul(result, static_cast<A>(x[i])); });
      break;
    case Reduction::l1:
      visit([&](int64_t i) { result = wrapping_add(result, absolute(static_cast<A>(x[i]))); });
      break;
    case Reduction::l2:
    case Reduction::sum_square:
      visit([&](int64_t i) {
        const A value = static_cast<A>(x[i]);
        result = wrapping_add(result, wrapping_mul(value, value));
      });
      break;
    case Reduction::log_sum_exp:
      break;  // has its own loop
  }
  return result;
}

template <class Visit, class T>
double log_sum_exp(const T* x, Visit&& visit) {
  double largest = -std::numeric_limits<double>::infinity();
  visit([&](int64_t i) { largest = greater_of(largest, static_cast<double>(x[i])); });
  if (std::isinf(largest)) return largest;
  double sum = 0;
  visit([&](int64_t i) { sum += std::exp(static_cast<double>(x[i]) - largest); });
  return largest + std::log(sum);
}

/// What is done to the folded value of `count` elements.
template <class T>
T finish(Reduction kind, Accumulator<T> folded, int64_t count) {
  using A = Accumulator<T>;
  const auto narrow = [](auto value) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(value);
    } else {
      return static_cast<T>(
          static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(value));
    }
  };
  switch (kind) {
    case Reduction::mean:
      if constexpr (std::is_integral_v<T>) {
        return count == 0 ? T{0} : narrow(folded / static_cast<A>(count));
      } else {
        return narrow(folded / static_cast<A>(count));
      }
    case Reduction::l2:
      return narrow(std::sqrt(static_cast<double>(folded)));
    case Reduction::log_sum:
      return narrow(std::log(static_cast<double>(folded)));
    default:
      return narrow(folded);
  }
}

template <class T>
void run(Reduction kind, const T* in, T* out, const std::vector<ReductionLoop>& loops,
         Evaluation& e) {
  std::vector<int64_t> strides(loops.size());
  int64_t stride = 1, count = 1, kept = 1;
  for (size_t i = loops.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= loops[i].size;
    (loops[i].reduced ? count : kept) *= loops[i].size;
  }
  for (int64_t o = 0; o < kept; ++o) {
    int64_t offset = 0, rest = o;
    for (size_t i = loops.size(); i-- > 0;) {
      if (loops[i].reduced) continue;
      offset += rest % loops[i].size * strides[i];
      rest /= loops[i].size;
    }
    const auto visit = [&](auto&& f) { for_each_reduced(loops, strides, 0, offset, f); };
    if (kind == Reduction::log_sum_exp) {
      out[o] = static_cast<T>(log_sum_exp(in, visit));
    } else {
      out[o] = finish<T>(kind, fold(kind, in, visit), count);
    }
    if (o % 1024 == 0) e.checkpoint();
  }
}

}  // namespace

void reference(const Reduce& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const std::vector<int64_t> axes = e.has(1) ? read_integers(e.input(1)) : op.axes;
  const std::vector<bool> reduced = reduced_axes(op, axes, x.rank());
  Shape shape;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (!reduced[static_cast<size_t>(i)]) {
      shape.push_back(x.dim(i));
    } else if (op.keep_dims) {
      shape.push_back(1);
    }
  }
  Tensor& y = e.output(0, x.type(), shape);
  const std::vector<ReductionLoop> loops = reduction_loops(x.shape(), reduced);
  with_element_type(x.type(), [&](auto element) {
    using T = decltype(element);
    run(op.kind, x.data<T>(), y.data<T>(), loops, e);
  });
}

}  // namespace drawbar::ops
