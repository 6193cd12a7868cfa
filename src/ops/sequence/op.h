#pragma once

#include "ir/op.h"

namespace drawbar::ops {

// Sequences hold tensors of one element type; their shapes may differ. A position counts from 0,
// a negative one from the end; out of range is INVALID_ARGUMENT while running.

/// A sequence of its inputs. Source: ONNX SequenceConstruct-11.
struct SequenceConstruct {
  static constexpr std::string_view name = "SequenceConstruct";
  void fields(auto&&) {}
};

/// A sequence without elements. Source: ONNX SequenceEmpty-11.
struct SequenceEmpty {
  static constexpr std::string_view name = "SequenceEmpty";
  ElementType element = ElementType::f32;
  void fields(auto&& field) { field("element", element); }
};

/// sequence, position [] → the tensor there. Source: ONNX SequenceAt-11.
struct SequenceAt {
  static constexpr std::string_view name = "SequenceAt";
  void fields(auto&&) {}
};

/// sequence, tensor, position [] (or absent: the end) → sequence with the tensor before the element
/// at that position. Source: ONNX SequenceInsert-11.
struct SequenceInsert {
  static constexpr std::string_view name = "SequenceInsert";
  void fields(auto&&) {}
};

/// sequence, position [] (or absent: the last) → sequence without that element. Source: ONNX
/// SequenceErase-11.
struct SequenceErase {
  static constexpr std::string_view name = "SequenceErase";
  void fields(auto&&) {}
};

/// sequence → i64[], how many elements. Source: ONNX SequenceLength-11.
struct SequenceLength {
  static constexpr std::string_view name = "SequenceLength";
  void fields(auto&&) {}
};

/// x, split (one size of all parts, the last may be smaller; or the size of each; or absent: parts
/// of 1) → sequence of parts along the axis. Without `split` and with keepdims false the axis
/// disappears from the parts. Source: ONNX SplitToSequence-24.
struct SplitToSequence {
  static constexpr std::string_view name = "SplitToSequence";
  int64_t axis = 0;
  bool keepdims = true;
  void fields(auto&& field) {
    field("axis", axis);
    field("keepdims", keepdims);
  }
};

/// sequence → its elements joined along an axis, or along a new one. Source: ONNX
/// ConcatFromSequence-11.
struct ConcatFromSequence {
  static constexpr std::string_view name = "ConcatFromSequence";
  int64_t axis = 0;
  bool new_axis = false;
  void fields(auto&& field) {
    field("axis", axis);
    field("new_axis", new_axis);
  }
};

/// Runs a subgraph for every element of a sequence. Inputs: the sequence, further sequences of its
/// length or tensors (`mapped` in all), then what else the body reads. The body gets an element of
/// every sequence and the rest as it is. Outputs: sequences of the body's outputs. Source: ONNX
/// SequenceMap-17.
struct SequenceMap {
  static constexpr std::string_view name = "SequenceMap";
  int64_t mapped = 1;
  void fields(auto&& field) { field("mapped", mapped); }
};

void infer(const SequenceConstruct&, Infer&);
void infer(const SequenceEmpty&, Infer&);
void infer(const SequenceAt&, Infer&);
void infer(const SequenceInsert&, Infer&);
void infer(const SequenceErase&, Infer&);
void infer(const SequenceLength&, Infer&);
void infer(const SplitToSequence&, Infer&);
void infer(const ConcatFromSequence&, Infer&);
void infer(const SequenceMap&, Infer&);
void reference(const SequenceConstruct&, Evaluation&);
void reference(const SequenceEmpty&, Evaluation&);
void reference(const SequenceAt&, Evaluation&);
void reference(const SequenceInsert&, Evaluation&);
void reference(const SequenceErase&, Evaluation&);
void reference(const SequenceLength&, Evaluation&);
void reference(const SplitToSequence&, Evaluation&);
void reference(const ConcatFromSequence&, Evaluation&);
void reference(const SequenceMap&, Evaluation&);

/// The type of a sequence's elements; throws INVALID_MODEL where input i is no sequence.
const Type& element_of_sequence(const Infer& context, size_t i);

}  // namespace drawbar::ops
