#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"

namespace drawbar::ops {

/// The slices a loop gives, one per iteration, until they are stacked. Guards the memory they take.
class Stack {
 public:
  /// `empty` is the type of the stack when there is no slice ("f32[0, 3]").
  explicit Stack(std::string empty) : empty_(std::move(empty)) {}

  /// Throws RESOURCE_EXHAUSTED when the slices would take more than 16 GiB, INVALID_ARGUMENT when
  /// a slice differs from those before in type or shape.
  void push(Tensor slice);
  /// Stacks along a new axis into output i. `backwards`: the last slice first. Throws
  /// INVALID_ARGUMENT for an axis that the slices do not allow.
  void finish(Evaluation& evaluation, size_t output, int64_t axis, bool backwards = false) const;
  Tensor stacked(int64_t axis, bool backwards) const;

 private:
  template <class Allocate>
  void write(int64_t axis, bool backwards, const Allocate& allocate) const;

  std::string empty_;
  std::vector<Tensor> slices_;
  int64_t bytes_ = 0;
};

/// What a loop gives, iteration by iteration, until it is put together along the first axis. Guards
/// the memory it takes.
class Pieces {
 public:
  explicit Pieces(Tensor first) { push(std::move(first)); }

  /// Throws RESOURCE_EXHAUSTED when the pieces would take more than 16 GiB, INVALID_ARGUMENT when
  /// a piece differs from the first one in type, rank or any but the first dimension.
  void push(Tensor piece);
  void finish(Evaluation& evaluation, size_t output) const;

 private:
  std::vector<Tensor> pieces_;
  int64_t bytes_ = 0, length_ = 0;
};

/// One slice of `tensor` at `index` along `axis`.
Tensor slice(const Tensor& tensor, int64_t axis, int64_t index);

/// For `empty_stacks`: a slice's type with a first dimension 0 and its unknown dimensions 0.
std::string empty_stack(const Type& slice, int64_t axis = 0);

/// The stacked outputs' empty types of a body whose outputs from `first` are slices.
std::vector<std::string> empty_stacks(const Graph& body, size_t first,
                                      const std::vector<int64_t>& axes = {});

}  // namespace drawbar::ops
