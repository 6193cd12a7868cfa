#include "ops/score_transform/import.h"

#include <cmath>

#include "ops/cast/op.h"
#include "ops/concat/op.h"
#include "ops/features/op.h"
#include "ops/gather/op.h"
#include "ops/pad/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/import.h"
#include "ops/reshape/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;

ValueId first_input(const OnnxNode& node) { return node.inputs_padded(1)[0]; }

void expect_numbers(ElementType type) {
  if (type != ElementType::f32 && type != ElementType::f64 && type != ElementType::i32 &&
      type != ElementType::i64) {
    fail(ErrorCode::invalid_model, "x is {}, expected f32, f64, i32 or i64", name(type));
  }
}

ValueId cast_to(OnnxNode& node, ValueId x, ElementType type) {
  return element_of(node, x) == type ? x : node.add(ops::Cast{.to = type}, {x});
}

/// Checks that a list holds one number for all features or one for each.
void expect_features(const OnnxNode& node, ValueId x, std::string_view what, size_t length) {
  const TensorType& type = node.value(x).type.tensor;
  if (type.ranked && type.rank() == 0)
    fail(ErrorCode::invalid_model, "x has rank 0, expected at least 1");
  const bool known = type.ranked && type.dims.back().is_constant();
  if (length == 0) fail(ErrorCode::invalid_model, "{} is empty", what);
  if (length != 1 && known && type.dims.back().value() != static_cast<int64_t>(length)) {
    fail(ErrorCode::invalid_model, "{} has {} elements, expected 1 or {}", what, length,
         type.dims.back().value());
  }
}

/// Numbers as a constant that broadcasts along the last dimension.
template <class T>
ValueId per_feature(OnnxNode& node, const std::vector<T>& numbers, ElementType type) {
  Tensor tensor = Tensor::allocate(type, {static_cast<int64_t>(numbers.size())});
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if constexpr (std::is_integral_v<T>) {
      write_integer(tensor, at, numbers[i]);
      if (read_integer(tensor, at) != numbers[i]) {
        fail(ErrorCode::invalid_model, "{} is no number of type {}", numbers[i], name(type));
      }
    } else {
      write_number(tensor, at, static_cast<double>(numbers[i]));
    }
  }
  return node.constant_value(std::move(tensor));
}

/// x with `replaced` replaced.
template <class T>
ValueId imputed(OnnxNode& node, ValueId x, T replaced, const std::vector<T>& values) {
  const ElementType type = element_of(node, x);
  expect_features(node, x, "the list of imputed values", values.size());
  const bool missing = std::isnan(static_cast<double>(replaced));
  const ValueId found = missing ? node.add(Elementwise(Function::IsNaN), {x})
                                : node.add(Elementwise(Function::Equal),
                                           {x, per_feature(node, std::vector<T>{replaced}, type)});
  return node.add(Elementwise(Function::Where), {found, per_feature(node, values, type), x});
}

/// A tensor as rows of `columns` numbers (0: as many as it has): the others are dropped, and those
/// that lack are zero.
ValueId columns_of(OnnxNode& node, ValueId x, int64_t columns) {
  expect_numbers(element_of(node, x));
  const TensorType type = node.value(x).type.tensor;
  if (!type.ranked || type.rank() == 0) {
    fail(ErrorCode::unsupported, "an input is {}, expected a known rank of at least 1",
         to_string(type));
  }
  ValueId rows = cast_to(node, x, ElementType::f32);
  if (type.rank() == 1) rows = node.add(ops::Unsqueeze{{0}}, {rows});
  if (type.rank() > 2) rows = node.add(ops::Flatten{1}, {rows});
  const Dim given = node.value(rows).type.tensor.dims[1];
  if (columns == 0 || !given.is_constant() || given.value() == columns) return rows;
  const ValueId pads = node.constant_list({0, 0, 0, columns - given.value()});
  return node.add(ops::Pad{}, {rows, pads});
}

}  // namespace

ONNX_ML_OP(Scaler) {
  ValueId x = first_input(node);
  const ElementType given = element_of(node, x);
  expect_numbers(given);
  const ElementType type = given == ElementType::f32 ? given : ElementType::f64;
  const std::vector<float> offset = node.numbers("offset"), scale = node.numbers("scale");
  x = cast_to(node, x, type);
  if (!offset.empty()) {
    expect_features(node, x, "offset", offset.size());
    x = node.add(Elementwise(Function::Sub), {x, per_feature(node, offset, type)});
  }
  if (!scale.empty()) {
    expect_features(node, x, "scale", scale.size());
    x = node.add(Elementwise(Function::Mul), {x, per_feature(node, scale, type)});
  }
  node.set_output(0, cast_to(node, x, ElementType::f32));
}

ONNX_ML_OP(Normalizer) {
  const std::string norm = node.text("norm", "MAX");
  constexpr std::string_view names[] = {"MAX", "L1", "L2"};
  const auto* found = std::find(std::begin(names), std::end(names), norm);
  if (found == std::end(names))
    fail(ErrorCode::invalid_model, "norm is '{}', expected MAX, L1 or L2", norm);
  node.replace_with(ops::Normalizer{static_cast<ops::RowNorm>(found - names)}, {first_input(node)});
}

ONNX_ML_OP(Imputer) {
  const ValueId x = first_input(node);
  const ElementType type = element_of(node, x);
  expect_numbers(type);
  if (is_floating(type)) {
    node.set_output(0, imputed(node, x, static_cast<float>(node.number("replaced_value_float", 0)),
                               node.numbers("imputed_value_floats")));
  } else {
    node.set_output(0, imputed(node, x, node.integer("replaced_value_int64", 0),
                               node.integers("imputed_value_int64s")));
  }
}

ONNX_ML_OP(Binarizer) {
  const ValueId x = first_input(node);
  const ElementType type = element_of(node, x);
  expect_numbers(type);
  // Integers are compared as f64, so that a threshold between two of them is one.
  const ElementType compared = is_floating(type) ? type : ElementType::f64;
  const ValueId threshold =
      per_feature(node, std::vector<double>{node.number("threshold", 0)}, compared);
  const ValueId above =
      node.add(Elementwise(Function::Greater), {cast_to(node, x, compared), threshold});
  node.set_output(0, node.add(ops::Cast{.to = type}, {above}));
}

ONNX_ML_OP(FeatureVectorizer) {
  const std::vector<int64_t> sizes = node.integers("inputdimensions");
  if (node.inputs() == 0) fail(ErrorCode::invalid_model, "has no inputs, expected at least 1");
  if (!sizes.empty() && sizes.size() != node.inputs()) {
    fail(ErrorCode::invalid_model, "inputdimensions has {} elements for {} inputs", sizes.size(),
         node.inputs());
  }
  std::vector<ValueId> parts;
  for (size_t i = 0; i < node.inputs(); ++i) {
    if (!sizes.empty() && sizes[i] < 1) {
      fail(ErrorCode::invalid_model, "inputdimensions[{}] is {}, expected at least 1", i, sizes[i]);
    }
    parts.push_back(columns_of(node, node.input(i), sizes.empty() ? 0 : sizes[i]));
  }
  node.set_output(0, parts.size() == 1 ? parts[0] : node.add(ops::Concat{1}, parts));
}

ONNX_ML_OP(ArrayFeatureExtractor) {
  const std::vector<ValueId> inputs = node.inputs_padded(2);
  ValueId x = inputs[0];
  element_of(node, x);
  const TensorType& type = node.value(x).type.tensor;
  if (type.ranked && type.rank() == 0) fail(ErrorCode::invalid_model, "x has rank 0");
  if (type.ranked && type.rank() == 1) x = node.add(ops::Unsqueeze{{0}}, {x});
  const ValueId indices = reshaped(node, inputs[1], {-1});
  node.set_output(0, node.add(ops::Gather{-1}, {x, indices}));
}

}  // namespace drawbar::onnx
