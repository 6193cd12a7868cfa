#pragma once

#include "ir/op.h"

namespace drawbar::ops {

// Operators between tensors and maps (see Tensor::compound): the keys are i64 or strings.

/// x [N, K] or [K] f32, keys [K] → a sequence of N maps (of one) from the keys to a row's numbers.
/// Source: ONNX-ML ZipMap-1.
struct ZipMap {
  static constexpr std::string_view name = "ZipMap";
  void fields(auto&&) {}
};

/// map, keys [K] of the map's key type → y [1, K] of its values' type: the value of each key, zero
/// or an empty string where the map lacks it. Source: ONNX-ML DictVectorizer-1.
struct DictVectorizer {
  static constexpr std::string_view name = "DictVectorizer";
  void fields(auto&&) {}
};

/// map of i64 keys → its values in the order of the keys, [1, n], or, when `size` is not 0, [1,
/// size] with each value at the place that its key says and zero (strings: "0") elsewhere. Source:
/// ONNX-ML CastMap-1.
struct MapValues {
  static constexpr std::string_view name = "MapValues";
  int64_t size = 0;
  void fields(auto&& field) { field("size", size); }
};

void infer(const ZipMap&, Infer&);
void infer(const DictVectorizer&, Infer&);
void infer(const MapValues&, Infer&);
void reference(const ZipMap&, Evaluation&);
void reference(const DictVectorizer&, Evaluation&);
void reference(const MapValues&, Evaluation&);

}  // namespace drawbar::ops
