#pragma once

#include "import/onnx/node.h"
#include "ops/score_transform/op.h"

namespace drawbar::onnx {

/// The attribute post_transform. Throws INVALID_MODEL for a word that is none of its values.
ops::ScoreTransform post_transform(const OnnxNode& node);

/// Scores [N, E] transformed row by row; the scores themselves when nothing is to be done.
ValueId transformed(OnnxNode& node, ValueId scores, ops::ScoreTransform transform);

/// x [N, F] or [F] as a matrix of one row or more, of element type `type`. Throws INVALID_MODEL
/// when x is neither, or not of a type that ONNX-ML's models take (f32, f64, i32 and i64).
ValueId feature_rows(OnnxNode& node, ValueId x, ElementType type);

/// The element type of an input tensor. Throws INVALID_MODEL when it is no tensor.
ElementType element_of(const OnnxNode& node, ValueId value);

/// The labels that a classifier's file lists, integers or strings, as a constant [n]; `none` when
/// it lists neither. Throws INVALID_MODEL when it lists both.
std::optional<Tensor> class_labels(const OnnxNode& node, std::string_view integers);

}  // namespace drawbar::onnx
