#pragma once

#include "ir/op.h"
#include "ops/window/window.h"

namespace drawbar::ops {

enum class PoolKind : uint8_t { maximum, average, lp };

/// MaxPool, AveragePool and LpPool: one number for each window of a channel, 1 to 3 spatial
/// dimensions. Padding never wins a maximum, counts for an average only with count_include_pad, and
/// adds nothing to a p-norm.
///
/// x [N, C, d1…dn] → y [N, C, o1…on] and, of MaxPool, indices [like y] i64: where in x the maximum
/// stood, row-major over all of x (column_major: row-major over N and C, column-major within them).
/// Float types; MaxPool also i8 and u8. `kernel` has n numbers; see Window for the rest.
/// Source: ONNX MaxPool-22, AveragePool-22, LpPool-22.
struct Pool {
  PoolKind kind = PoolKind::maximum;
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;  // set only where the importer did not know x's sizes
  bool ceil_mode = false;
  bool count_include_pad = false;  // average; elements beyond the end padding never count
  bool column_major = false;       // maximum
  int64_t p = 2;                   // lp

  std::string_view op_name() const;
  static Pool named(std::string_view name);
  void fields(auto&& field) {
    field("kernel", kernel);
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("auto_pad", auto_pad);
    field("ceil_mode", ceil_mode);
    if (kind == PoolKind::average) field("count_include_pad", count_include_pad);
    if (kind == PoolKind::maximum) field("column_major", column_major);
    if (kind == PoolKind::lp) field("p", p);
  }
};

/// Its window. Throws INVALID_MODEL where an attribute is out of range, or padding that does not
/// count is as large as the window.
Window pool_window(const Pool&);

void infer(const Pool&, Infer&);
void reference(const Pool&, Evaluation&);
Dim operations(const Pool&, const Infer&);
bool keeps_rows(const Pool&, const Infer&, const std::vector<bool>& batched);

/// GlobalMaxPool, GlobalAveragePool and GlobalLpPool: a window as large as the input.
/// x [N, C, d1…dn] → y [N, C, 1…1], float types. Source: ONNX GlobalAveragePool-22.
struct GlobalPool {
  PoolKind kind = PoolKind::average;
  int64_t p = 2;  // lp

  std::string_view op_name() const;
  static GlobalPool named(std::string_view name);
  void fields(auto&& field) {
    if (kind == PoolKind::lp) field("p", p);
  }
};

void infer(const GlobalPool&, Infer&);
void reference(const GlobalPool&, Evaluation&);
Dim operations(const GlobalPool&, const Infer&);
bool keeps_rows(const GlobalPool&, const Infer&, const std::vector<bool>& batched);

/// The inverse of MaxPool: zeros, and x's elements where the indices say (the last one where
/// several go to one place).
///
/// x [N, C, d1…dn], indices [like x] i64 as MaxPool gives them, output_shape [n + 2] i64 (optional)
/// → y [N, C, (d1 - 1) * stride + kernel - pads…] or output_shape. With output_shape the indices
/// count in the shape that would result without it. Float types.
/// Source: ONNX MaxUnpool-22.
struct MaxUnpool {
  static constexpr std::string_view name = "MaxUnpool";
  std::vector<int64_t> kernel, strides, pads_begin, pads_end;
  void fields(auto&& field) {
    field("kernel", kernel);
    field("strides", strides);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
  }
};

void infer(const MaxUnpool&, Infer&);
void reference(const MaxUnpool&, Evaluation&);

}  // namespace drawbar::ops
