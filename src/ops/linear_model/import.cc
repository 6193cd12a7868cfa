#include "ops/score_transform/import.h"

#include "ops/arg_reduce/op.h"
#include "ops/cast/op.h"
#include "ops/concat/op.h"
#include "ops/gather/op.h"
#include "ops/matmul/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;

/// Floats as a constant of element type `type`.
ValueId weights(OnnxNode& node, const std::vector<float>& numbers, Shape shape, ElementType type) {
  Tensor tensor = Tensor::allocate(type, std::move(shape));
  for (size_t i = 0; i < numbers.size(); ++i)
    write_number(tensor, static_cast<int64_t>(i), static_cast<double>(numbers[i]));
  return node.constant_value(std::move(tensor));
}

ValueId scalar(OnnxNode& node, double number) {
  return node.constant_value(Tensor::scalar(static_cast<float>(number)));
}

/// x · coefficientsᵀ + intercepts as f32 [N, targets]: computed in f64 unless x is f32.
ValueId linear_scores(OnnxNode& node, const std::vector<float>& coefficients,
                      const std::vector<float>& intercepts, int64_t targets) {
  const auto count = static_cast<int64_t>(coefficients.size());
  if (count == 0 || targets < 1 || count % targets != 0) {
    fail(ErrorCode::invalid_model, "coefficients has {} elements, expected a multiple of {}", count,
         targets);
  }
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != targets) {
    fail(ErrorCode::invalid_model, "intercepts has {} elements, expected {}", intercepts.size(),
         targets);
  }
  const ValueId given = node.inputs_padded(1)[0];
  const bool single = element_of(node, given) == ElementType::f32;
  const ElementType type = single ? ElementType::f32 : ElementType::f64;
  std::vector<ValueId> inputs = {feature_rows(node, given, type),
                                 weights(node, coefficients, {targets, count / targets}, type)};
  if (!intercepts.empty()) inputs.push_back(weights(node, intercepts, {targets}, type));
  const ValueId scores = node.add(ops::MatMul{.transpose_b = true}, std::move(inputs));
  return single ? scores : node.add(ops::Cast{.to = ElementType::f32}, {scores});
}

/// How many scores a classifier has: its intercepts, or as its coefficients say.
int64_t score_count(const OnnxNode& node, size_t coefficients, size_t intercepts, size_t labels) {
  if (intercepts > 0) return static_cast<int64_t>(intercepts);
  const TensorType& x = node.value(node.inputs_padded(1)[0]).type.tensor;
  if (x.ranked && x.rank() > 0 && x.dims.back().is_constant() && x.dims.back().value() > 0) {
    return static_cast<int64_t>(coefficients) / x.dims.back().value();
  }
  return static_cast<int64_t>(labels);
}

/// The scores of two classes where the second one's is known, as onnxruntime makes them: s and -s
/// for LOGISTIC, else s and 1 - s, which no transform touches.
ValueId with_first_class(OnnxNode& node, ValueId scores, ops::ScoreTransform transform) {
  const ValueId first = transform == ops::ScoreTransform::logistic
                            ? node.add(Elementwise(Function::Neg), {scores})
                            : node.add(Elementwise(Function::Sub), {scalar(node, 1), scores});
  return node.add(ops::Concat{1}, {first, scores});
}

}  // namespace

ONNX_ML_OP(LinearRegressor) {
  const ValueId scores = linear_scores(node, node.numbers("coefficients"),
                                       node.numbers("intercepts"), node.integer("targets", 1));
  node.set_output(0, transformed(node, scores, post_transform(node)));
}

ONNX_ML_OP(LinearClassifier) {
  const std::vector<float> coefficients = node.numbers("coefficients"),
                           intercepts = node.numbers("intercepts");
  const std::optional<Tensor> labels = class_labels(node, "classlabels_ints");
  const int64_t known = labels ? labels->size() : 0;
  const int64_t count =
      score_count(node, coefficients.size(), intercepts.size(), static_cast<size_t>(known));
  ValueId scores = linear_scores(node, coefficients, intercepts, count);
  ValueId chosen;
  Tensor by_class;
  const ops::ScoreTransform transform = post_transform(node);
  if (known != 0 && known != std::max<int64_t>(count, 2)) {
    fail(ErrorCode::invalid_model, "has {} labels for {} scores", known, count);
  }
  if (labels) by_class = *labels;
  if (count == 1) {  // the second class's, of two
    const ValueId positive = node.add(Elementwise(Function::Greater), {scores, scalar(node, 0)});
    chosen = node.add(ops::Cast{.to = ElementType::i64}, {node.add(ops::Squeeze{{1}}, {positive})});
    if (labels) scores = with_first_class(node, scores, transform);
  } else {
    chosen = node.add(ops::ArgReduce{.axis = 1, .keep_dims = false}, {scores});
  }
  node.set_output(0, by_class.has_value()
                         ? node.add(ops::Gather{0}, {node.constant_value(by_class), chosen})
                         : chosen);
  const bool plain = count == 1 && labels && transform != ops::ScoreTransform::logistic;
  node.set_output(1, plain ? scores : transformed(node, scores, transform));
}

}  // namespace drawbar::onnx
