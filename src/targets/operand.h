#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// One input or output of a node whose shapes are all known.
struct Operand {
  ElementType type = ElementType::f32;
  Shape shape;  // logical (N, C, d1…dn)
  Layout layout = Layout::row_major;
  ConstantPtr constant;  // of a constant input
  bool present = false;
  /// Not 0: a channels-last output that is a slice of the channels of a wider tensor, whose pixels
  /// are so many elements apart.
  int64_t pitch = 0;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t dim(int64_t axis) const { return shape[static_cast<size_t>(axis)]; }
  int64_t size() const;
  /// Elements from one pixel to the next one of a channels-last operand.
  int64_t pixel_stride() const { return pitch != 0 ? pitch : dim(1); }
  /// Elements of memory from the first element to behind the last one.
  int64_t extent() const;
  /// Elements between neighbours along each logical axis.
  Shape strides() const;
};

/// The operand a value of known type stands for.
Operand operand(const Value& value);
/// Of values of known type; not present where there is none (no_id).
std::vector<Operand> operands(const Graph& graph, const std::vector<ValueId>& values);

/// Names an operator with its operands in timing caches and engines.
std::string problem_key(const Op& op, std::span<const Operand> inputs,
                        std::span<const Operand> outputs);

}  // namespace drawbar
