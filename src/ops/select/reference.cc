#include <algorithm>

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/select/op.h"

namespace drawbar::ops {
namespace {

/// Calls f with a value of the type elements are compared in as they are stored.
template <class F>
void with_ordered_type(ElementType type, F&& f) {
  if (type == ElementType::string) return f(std::string{});
  with_element_type(type, f);
}

template <class T>
bool is_nan(const T& x) {
  if constexpr (std::is_floating_point_v<T>) return x != x;
  if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>)
    return static_cast<float>(x) != static_cast<float>(x);
  return false;
}

/// A total order in which not-a-number comes last.
template <class T>
bool less(const T& a, const T& b) {
  if (is_nan(a) || is_nan(b)) return !is_nan(a) && is_nan(b);
  return a < b;
}

template <class T>
bool is_set(const T& x) {
  if constexpr (std::is_same_v<T, std::string>) return !x.empty();
  if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>)
    return static_cast<float>(x) != 0;
  if constexpr (!std::is_class_v<T>) return x != T{};
}

/// A tensor as lines along one axis.
struct Lines {
  int64_t outer = 1, size = 1, inner = 1;

  Lines(const Shape& shape, int64_t at, bool flatten) {
    if (flatten) {
      for (int64_t dim : shape) size *= dim;
      return;
    }
    const auto axis = static_cast<size_t>(at);
    size = shape[axis];
    for (size_t i = 0; i < axis; ++i) outer *= shape[i];
    for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  }
};

int64_t resolved_axis(int64_t axis, const Tensor& x, bool flatten) {
  if (flatten) return 0;
  try {
    return Infer::axis(axis, x.rank());
  } catch (const Error& error) {
    rethrow_as_argument(error);
  }
}

/// Copies the chosen slices along an axis to output `i`.
void take_slices(Evaluation& e, size_t i, ElementType type, const Tensor& x, const Lines& lines,
                 Shape shape, const std::vector<int64_t>& chosen) {
  move_into(e, i, type, std::move(shape), [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      T* to = static_cast<T*>(y.raw());
      const T* from = static_cast<const T*>(x.raw());
      for (int64_t o = 0; o < lines.outer; ++o) {
        for (int64_t slice : chosen)
          to = std::copy_n(from + (o * lines.size + slice) * lines.inner, lines.inner, to);
        e.checkpoint();
      }
    });
  });
}

Shape with_size(const Tensor& x, int64_t axis, bool flatten, size_t count) {
  Shape shape = flatten ? Shape{0} : x.shape();
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(count);
  return shape;
}

template <class T>
void non_zero(const Tensor& x, Evaluation& e) {
  const T* from = static_cast<const T*>(x.raw());
  int64_t count = 0;
  for (int64_t i = 0; i < x.size(); ++i) count += is_set(from[i]);
  Tensor& y = e.output(0, ElementType::i64, {x.rank(), count});
  if (x.rank() == 0) return;
  auto* to = y.data<int64_t>();
  const auto last = static_cast<size_t>(x.rank()) - 1;
  const int64_t line = x.shape()[last];
  Shape position(last, 0);
  int64_t column = 0;
  for (int64_t start = 0; start < x.size(); start += line) {
    for (int64_t i = 0; i < line; ++i) {
      if (!is_set(from[start + i])) continue;
      for (size_t k = 0; k < last; ++k) to[static_cast<int64_t>(k) * count + column] = position[k];
      to[static_cast<int64_t>(last) * count + column] = i;
      ++column;
    }
    for (size_t k = last; k-- > 0 && ++position[k] == x.shape()[k];) position[k] = 0;
    if (start % 65536 < line) e.checkpoint();
  }
}

/// Which slices are the first of their kind, and of which kind each is.
struct Kinds {
  std::vector<int64_t> first, inverse, counts;
};

template <class T>
Kinds find_kinds(const Tensor& x, const Lines& lines, bool sorted) {
  const T* data = static_cast<const T*>(x.raw());
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < lines.outer; ++o) {
      for (int64_t i = 0; i < lines.inner; ++i) {
        const T& p = data[(o * lines.size + a) * lines.inner + i];
        const T& q = data[(o * lines.size + b) * lines.inner + i];
        if (less(p, q)) return -1;
        if (less(q, p)) return 1;
      }
    }
    return 0;
  };
  std::vector<int64_t> order(static_cast<size_t>(lines.size));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  Kinds kinds;
  kinds.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      kinds.first.push_back(order[i]);
      kinds.counts.push_back(0);
    }
    kinds.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(kinds.first.size()) - 1;
    ++kinds.counts.back();
  }
  if (sorted) return kinds;
  std::vector<size_t> by_place(kinds.first.size());
  for (size_t i = 0; i < by_place.size(); ++i) by_place[i] = i;
  std::sort(by_place.begin(), by_place.end(),
            [&](size_t a, size_t b) { return kinds.first[a] < kinds.first[b]; });
  Kinds placed;
  std::vector<int64_t> rank(by_place.size());
  for (size_t i = 0; i < by_place.size(); ++i) {
    placed.first.push_back(kinds.first[by_place[i]]);
    placed.counts.push_back(kinds.counts[by_place[i]]);
    rank[by_place[i]] = static_cast<int64_t>(i);
  }
  for (int64_t kind : kinds.inverse) placed.inverse.push_back(rank[static_cast<size_t>(kind)]);
  return placed;
}

}  // namespace

void reference(const NonZero&, Evaluation& e) {
  const Tensor x = unpacked(e.input(0));
  if (kind(e.input(0).type()) == ElementKind::floating && bits(e.input(0).type()) <= 8) {
    Tensor wide = Tensor::allocate(ElementType::f32, x.shape());  // minus zero is zero
    for (int64_t i = 0; i < x.size(); ++i)
      wide.data<float>()[i] = static_cast<float>(read_number(e.input(0), i));
    return non_zero<float>(wide, e);
  }
  with_ordered_type(x.type(), [&](auto zero) { non_zero<decltype(zero)>(x, e); });
}

void reference(const Compress& op, Evaluation& e) {
  const Tensor x = unpacked(e.input(0));
  const int64_t axis = resolved_axis(op.axis, x, op.flatten);
  const Lines lines(x.shape(), axis, op.flatten);
  const auto condition = e.input(1).values<bool>();
  std::vector<int64_t> chosen;
  for (size_t i = 0; i < condition.size(); ++i) {
    if (!condition[i]) continue;
    if (static_cast<int64_t>(i) >= lines.size) {
      fail(ErrorCode::invalid_argument, "condition {} holds, but x has {} slices", i, lines.size);
    }
    chosen.push_back(static_cast<int64_t>(i));
  }
  take_slices(e, 0, e.input(0).type(), x, lines, with_size(x, axis, op.flatten, chosen.size()),
              chosen);
}

void reference(const Unique& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const int64_t axis = resolved_axis(op.axis, x, op.flatten);
  const Lines lines(x.shape(), axis, op.flatten);
  Kinds kinds;
  with_ordered_type(x.type(),
                    [&](auto zero) { kinds = find_kinds<decltype(zero)>(x, lines, op.sorted); });
  take_slices(e, 0, x.type(), x, lines, with_size(x, axis, op.flatten, kinds.first.size()),
              kinds.first);
  const std::vector<int64_t>* lists[] = {&kinds.first, &kinds.inverse, &kinds.counts};
  for (size_t i = 1; i < e.outputs(); ++i) {
    const std::vector<int64_t>& list = *lists[i - 1];
    Tensor& y = e.output(i, ElementType::i64, {static_cast<int64_t>(list.size())});
    std::copy(list.begin(), list.end(), y.data<int64_t>());
  }
}

void reference(const TopK& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Shape shape = concrete_shape(op, e);
  const int64_t axis = Infer::axis(op.axis, x.rank());
  const Lines lines(x.shape(), axis, false);
  const int64_t k = shape[static_cast<size_t>(axis)];
  Tensor& values = e.output(0, x.type(), shape);
  Tensor& indices = e.output(1, ElementType::i64, shape);
  with_element_type(x.type(), [&](auto zero) {
    using T = decltype(zero);
    std::vector<int64_t> order(static_cast<size_t>(lines.size));
    for (int64_t line = 0; line < lines.outer * lines.inner; ++line) {
      const int64_t o = line / lines.inner, i = line % lines.inner;
      const T* from = x.data<T>() + o * lines.size * lines.inner + i;
      for (size_t n = 0; n < order.size(); ++n) order[n] = static_cast<int64_t>(n);
      const auto better = [&](int64_t a, int64_t b) {
        const T &p = from[a * lines.inner], &q = from[b * lines.inner];
        if (op.largest ? less(q, p) : less(p, q)) return true;
        if (op.largest ? less(p, q) : less(q, p)) return false;
        return a < b;
      };
      std::partial_sort(order.begin(), order.begin() + k, order.end(), better);
      for (int64_t n = 0; n < k; ++n) {
        const int64_t to = (o * k + n) * lines.inner + i;
        values.data<T>()[to] = from[order[static_cast<size_t>(n)] * lines.inner];
        indices.data<int64_t>()[to] = order[static_cast<size_t>(n)];
      }
      e.checkpoint();
    }
  });
}

void reference(const OneHot& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor& indices = e.input(0);
  const Tensor values = unpacked(e.input(2));
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, static_cast<int64_t>(shape.size())));
  const Lines lines(shape, static_cast<int64_t>(axis), false);
  move_into(e, 0, e.input(2).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      const T* choice = static_cast<const T*>(values.raw());
      T* to = static_cast<T*>(y.raw());
      std::fill_n(to, y.size(), choice[0]);
      for (int64_t i = 0; i < indices.size(); ++i) {
        int64_t index = read_integer(indices, i);
        if (index < 0) index += lines.size;
        if (index < 0 || index >= lines.size) continue;
        to[(i / lines.inner * lines.size + index) * lines.inner + i % lines.inner] = choice[1];
      }
    });
  });
}

}  // namespace drawbar::ops
