#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/tensor.h"

namespace drawbar {

/// How to draw a constant that is described instead of stored.
struct Description {
  std::string distribution;  // "normal" (mean, deviation) or "fill" (mean)
  double mean = 0, deviation = 0;
  uint64_t seed = 0;
  bool operator==(const Description&) const = default;
};

/// An immutable tensor known at compile time, shared between graphs, stored or described. Its name
/// for storage is the hash of element type, shape and bytes (or of the description). Thread-safe.
class Constant {
 public:
  explicit Constant(Tensor tensor);
  Constant(ElementType type, Shape shape, Description description);
  /// Stored elsewhere under `hash`: `load` is called at the first use, and what it gives must have
  /// that hash (else INVALID_MODEL naming it as damaged).
  Constant(ElementType type, Shape shape, Hash hash, std::function<Tensor()> load);

  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  const std::optional<Description>& description() const { return description_; }
  /// The elements; a described constant is drawn, a stored one checked, at the first call.
  const Tensor& tensor() const;
  const Hash& hash() const;  // computed at the first call

 private:
  void fill() const;  // tensor_, when it is not there from the start

  ElementType type_;
  Shape shape_;
  std::optional<Description> description_;
  std::function<Tensor()> load_;
  mutable Tensor tensor_;
  mutable Hash hash_;
  mutable std::once_flag drawn_, hashed_;
};

using ConstantPtr = std::shared_ptr<const Constant>;

}  // namespace drawbar
