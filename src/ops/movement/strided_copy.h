#pragma once

#include "base/tensor.h"
#include "base/threads.h"

namespace drawbar::ops {

/// A copy of elements from one order in memory to another. For every index i within `shape`:
///
///     to[to_offset + Σ i_k · to_strides_k] = from[from_offset + Σ i_k · from_strides_k]
///
/// Strides and offsets count elements. A source stride may be 0 (repeats) or negative (reverses);
/// destinations are distinct and to_strides positive. Most operators that only move elements are
/// one or a few of these.
struct StridedCopy {
  Shape shape, from_strides, to_strides;
  int64_t from_offset = 0, to_offset = 0;

  int64_t size() const;
};

Shape row_major_strides(const Shape& shape);

/// Plain loops. Both tensors have the same element type (of at least a byte); what is copied lies
/// within them. `checkpoint` is called now and then.
void copy_strided(const StridedCopy& copy, const Tensor& from, Tensor& to,
                  FunctionRef<void()> checkpoint);

}  // namespace drawbar::ops
