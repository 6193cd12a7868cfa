#pragma once

#include <span>

#include "ir/op.h"

namespace drawbar::ops {

/// What becomes of a model's scores at its end: ONNX's post_transform, in TreeEnsemble's order.
enum class ScoreTransform : uint8_t { none, softmax, logistic, softmax_zero, probit };

/// Transforms one row of scores. `softmax_zero` is a softmax of the scores that are not zero, which
/// stay zero; `probit` is the quantile function of the normal distribution by Winitzki's
/// approximation, with the constants that other implementations use.
void transform_scores(ScoreTransform transform, std::span<double> scores);

/// x [..., E], float types → y same, each row along the last dimension transformed.
/// Source: ONNX-ML, attribute post_transform of the linear, SVM and tree operators.
struct TransformScores {
  static constexpr std::string_view name = "TransformScores";
  ScoreTransform transform = ScoreTransform::none;
  void fields(auto&& field) { field("transform", transform); }
};

void infer(const TransformScores&, Infer&);
void reference(const TransformScores&, Evaluation&);
bool keeps_rows(const TransformScores&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::ScoreTransform> {
  static constexpr std::string_view names[] = {"none", "softmax", "logistic", "softmax_zero",
                                               "probit"};
};
