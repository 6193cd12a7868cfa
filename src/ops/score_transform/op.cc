#include "ops/score_transform/op.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(TransformScores);

namespace {

double largest_of(std::span<const double> scores) {
  double largest = -std::numeric_limits<double>::infinity();
  for (double score : scores) largest = std::max(largest, score);
  return largest;
}

void softmax(std::span<double> scores) {
  const double largest = largest_of(scores);
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
}

void softmax_zero(std::span<double> scores) {
  constexpr double zero = 1e-7;  // what counts as none
  const double largest = largest_of(scores);
  const double factor = std::exp(-largest);
  double sum = 0;
  for (double& score : scores) {
    if (std::abs(score) > zero) {
      sum += score = std::exp(score - largest);
    } else {
      score *= factor;
    }
  }
  if (sum == 0) return;  // nothing but zeros
  for (double& score : scores) score /= sum;
}

/// The inverse of the error function (S. Winitzki, "A handy approximation for the error function
/// and its inverse", 2008).
double inverse_erf(double x) {
  constexpr double pi = 3.14159, a = 0.147;
  const double log = std::log((1 - x) * (1 + x));
  const double half = 2 / (pi * a) + 0.5 * log;
  const double root = std::sqrt(std::sqrt(half * half - log / a) - half);
  return x < 0 ? -root : root;
}

}  // namespace

void transform_scores(ScoreTransform transform, std::span<double> scores) {
  switch (transform) {
    case ScoreTransform::none:
      return;
    case ScoreTransform::softmax:
      return softmax(scores);
    case ScoreTransform::softmax_zero:
      return softmax_zero(scores);
    case ScoreTransform::logistic:
      for (double& score : scores) score = 1 / (1 + std::exp(-score));
      return;
    case ScoreTransform::probit:
      for (double& score : scores) score = std::sqrt(2.0) * inverse_erf(2 * score - 1);
      return;
  }
}

void infer(const TransformScores&, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0)) || bits(context.element(0)) < 16) {
    fail(ErrorCode::invalid_model, "x is {}, expected f32, f64, f16 or bf16",
         name(context.element(0)));
  }
  if (context.ranked(0) && context.rank(0) < 1) {
    fail(ErrorCode::invalid_model, "x has rank 0, expected at least 1");
  }
  context.output(0, context.type(0));
}

bool keeps_rows(const TransformScores&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && context.rank(0) >= 2;
}

void reference(const TransformScores& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  if (x.size() == 0) return;
  const int64_t width = x.shape().back();
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    const auto per_piece = std::max<int64_t>(1, 4096 / width);
    e.pool().parallel_for(x.size() / width, per_piece, [&](int64_t begin, int64_t end, int) {
      e.checkpoint();
      std::vector<double> row(static_cast<size_t>(width));
      for (int64_t i = begin; i < end; ++i) {
        std::transform(x.data<T>() + i * width, x.data<T>() + (i + 1) * width, row.begin(),
                       [](T v) { return static_cast<double>(v); });
        transform_scores(op.transform, row);
        std::transform(row.begin(), row.end(), y.data<T>() + i * width, rounded<T>);
      }
    });
  });
}

}  // namespace drawbar::ops
