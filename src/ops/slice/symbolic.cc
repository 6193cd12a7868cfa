#include "ops/slice/symbolic.h"

#include <limits>

namespace drawbar::ops {
namespace {

constexpr int64_t far = std::numeric_limits<int32_t>::max();  // "to the end" in files

/// Counts from the back: a negative number, or an expression that cannot be positive.
bool from_back(const Dim& position) {
  if (position.is_constant()) return position.value() < 0;
  return (Dim(0) - position).is_non_negative();
}

/// The position counted from the front, clamped to [least, size + least].
Dim clamped(const Dim& position, const Dim& size, int64_t least) {
  if (position.is_constant() && position.value() >= far && !size.is_constant()) return size + least;
  if (position.is_constant() && position.value() <= -far && !size.is_constant()) return least;
  const Dim front = from_back(position) ? size + position : position;
  return max(min(front, size + least), least);
}

/// Steps of `step` > 0 that a distance holds, the first at its start.
Dim steps(const Dim& distance, int64_t step) {
  if (step >= far) return min(max(distance, 0), 1);
  return max(ceil_div(distance, step), 0);
}

}  // namespace

Dim sliced_size(const Dim& size, const Dim& start, const Dim& end, int64_t step) {
  if (step < 0) {
    const Dim last = clamped(end, size, -1);
    Dim first = clamped(start, size, -1);
    const bool may_precede = from_back(start) && !(start == Dim(-1));
    if (may_precede) first = max(first, 0);  // the first element stands for all before it
    const Dim taken = steps(first - last, step <= -far ? far : -step);
    return may_precede ? min(taken, size) : taken;
  }
  const Dim first = clamped(start, size, 0), last = clamped(end, size, 0);
  if (last == size && from_back(start)) {  // the last elements
    if (start.is_constant() && start.value() <= -far) return steps(size, step);
    return steps(min(Dim(0) - start, size), step);
  }
  if (!from_back(start) && (last == size || from_back(end))) {
    // What is cut off in front and at the back cannot be more than there is.
    const bool whole = last == size || (end.is_constant() && end.value() >= far);
    if (start.is_constant() && start.value() >= far && !size.is_constant()) return 0;
    if (!whole && end.is_constant() && end.value() <= -far) return 0;
    return steps((whole ? size : size + end) - start, step);
  }
  return steps(last - first, step);
}

}  // namespace drawbar::ops
