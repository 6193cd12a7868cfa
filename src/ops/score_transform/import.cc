#include "ops/score_transform/import.h"

#include "ops/cast/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/op.h"
#include "ops/softmax/op.h"

namespace drawbar::onnx {

using ops::ScoreTransform;

ScoreTransform post_transform(const OnnxNode& node) {
  constexpr std::string_view names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const std::string given = node.text("post_transform", "NONE");
  const auto* found = std::find(std::begin(names), std::end(names), given);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model,
         "post_transform is '{}', expected NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT", given);
  }
  return static_cast<ScoreTransform>(found - names);
}

ValueId transformed(OnnxNode& node, ValueId scores, ScoreTransform transform) {
  switch (transform) {
    case ScoreTransform::none:
      return scores;
    case ScoreTransform::softmax:
      return node.add(ops::Softmax{-1, false}, {scores});
    case ScoreTransform::logistic:
      return node.add(ops::Elementwise(ops::Function::Sigmoid), {scores});
    default:
      return node.add(ops::TransformScores{transform}, {scores});
  }
}

ElementType element_of(const OnnxNode& node, ValueId value) {
  const Type& type = node.value(value).type;
  if (!type.is_tensor()) {
    fail(ErrorCode::invalid_model, "'{}' is {}, expected a tensor", node.value(value).name,
         to_string(type));
  }
  return type.tensor.element;
}

ValueId feature_rows(OnnxNode& node, ValueId x, ElementType type) {
  const ElementType given = element_of(node, x);
  if (given != ElementType::f32 && given != ElementType::f64 && given != ElementType::f16 &&
      given != ElementType::i32 && given != ElementType::i64) {
    fail(ErrorCode::invalid_model, "x is {}, expected f32, f64, i32 or i64", name(given));
  }
  const TensorType& tensor = node.value(x).type.tensor;
  if (tensor.ranked && tensor.rank() != 1 && tensor.rank() != 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected 1 or 2", tensor.rank());
  }
  if (tensor.ranked && tensor.rank() == 1) x = node.add(ops::Unsqueeze{{0}}, {x});
  return given == type ? x : node.add(ops::Cast{.to = type}, {x});
}

std::optional<Tensor> class_labels(const OnnxNode& node, std::string_view integers) {
  const std::vector<int64_t> numbers = node.integers(integers);
  const std::vector<std::string> texts = node.texts("classlabels_strings");
  if (!numbers.empty() && !texts.empty()) {
    fail(ErrorCode::invalid_model, "has both {} and classlabels_strings, expected one of them",
         integers);
  }
  if (!texts.empty()) {
    return Tensor::from<std::string>({static_cast<int64_t>(texts.size())}, texts);
  }
  if (numbers.empty()) return std::nullopt;
  return Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, numbers);
}

}  // namespace drawbar::onnx
