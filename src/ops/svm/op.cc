#include "ops/svm/op.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(RbfKernels);
DRAWBAR_OP(SvmVotes);

namespace {

void expect_f32(const Infer& context, size_t i, std::string_view what) {
  if (context.element(i) != ElementType::f32) {
    fail(ErrorCode::invalid_model, "{} is {}, expected f32", what, name(context.element(i)));
  }
}

int64_t pairs_of(const SvmVotes& op) {
  const auto classes = static_cast<int64_t>(op.vectors_per_class.size());
  return checked_mul(classes, classes - 1) / 2;
}

Dim rows_of(Infer& context) {
  return context.ranked(0) ? context.dims(0)[0]
                           : context.fresh("rows", std::numeric_limits<int32_t>::max());
}

/// |a - b|², in several sums that the compiler computes side by side.
float squared_distance(const float* a, const float* b, int64_t n) {
  constexpr int64_t parts = 16;
  float sums[parts] = {};
  int64_t i = 0;
  for (; i + parts <= n; i += parts) {
    for (int64_t k = 0; k < parts; ++k) sums[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
  }
  for (; i < n; ++i) sums[i % parts] += (a[i] - b[i]) * (a[i] - b[i]);
  return std::accumulate(sums, sums + parts, 0.0f);
}

}  // namespace

void infer(const RbfKernels&, Infer& context) {
  context.expect_inputs(2, 2);
  expect_f32(context, 0, "x");
  expect_f32(context, 1, "vectors");
  context.expect_rank(0, 2, "x");
  context.expect_rank(1, 2, "vectors");
  if (!context.ranked(1)) return context.unranked(0, ElementType::f32);
  if (context.ranked(0)) Infer::same(context.dims(0)[1], context.dims(1)[1], "features");
  context.output(0, ElementType::f32, {rows_of(context), context.dims(1)[0]});
}

Dim operations(const RbfKernels&, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1)) return 0;
  return Dim(3) * context.dims(0)[0] * context.tensor(1).size();
}

bool keeps_rows(const RbfKernels&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && !batched[1];
}

void reference(const RbfKernels& op, Evaluation& e) {
  float* y = e.output(0, ElementType::f32, concrete_shape(op, e)).data<float>();
  const Tensor &x = e.input(0), &vectors = e.input(1);
  const int64_t rows = x.dim(0), features = x.dim(1), count = vectors.dim(0);
  e.pool().parallel_for(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      e.checkpoint();
      for (int64_t v = 0; v < count; ++v) {
        const float distance = squared_distance(x.data<float>() + row * features,
                                                vectors.data<float>() + v * features, features);
        y[row * count + v] = std::exp(-op.gamma * distance);
      }
    }
  });
}

void infer(const SvmVotes& op, Infer& context) {
  context.expect_inputs(3, 5);
  constexpr std::string_view names[] = {"kernels", "coefficients", "rho", "prob_a", "prob_b"};
  const auto classes = static_cast<int64_t>(op.vectors_per_class.size());
  if (classes < 2) {
    fail(ErrorCode::invalid_model, "vectors_per_class has {} elements, expected at least 2",
         classes);
  }
  int64_t vectors = 0;
  for (size_t i = 0; i < op.vectors_per_class.size(); ++i) {
    if (op.vectors_per_class[i] < 0) {
      fail(ErrorCode::invalid_model, "vectors_per_class[{}] is {}", i, op.vectors_per_class[i]);
    }
    vectors = checked_add(vectors, op.vectors_per_class[i]);
  }
  if (context.has(3) != context.has(4)) {
    fail(ErrorCode::invalid_model, "has one of prob_a and prob_b, expected both or none");
  }
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    expect_f32(context, i, names[i]);
    context.expect_rank(i, i < 2 ? 2 : 1, names[i]);
  }
  const int64_t pairs = pairs_of(op);
  if (context.ranked(0)) Infer::same(context.dims(0)[1], vectors, "kernels and support vectors");
  if (context.ranked(1)) {
    Infer::same(context.dims(1)[0], classes - 1, "rows of coefficients and classes less one");
    Infer::same(context.dims(1)[1], vectors, "coefficients and support vectors");
  }
  for (size_t i = 2; i < context.inputs(); ++i) {
    if (context.has(i) && context.ranked(i)) Infer::same(context.dims(i)[0], pairs, names[i]);
  }
  const Dim rows = rows_of(context);
  const bool probabilities = context.has(3);
  context.output(0, ElementType::f32, {rows, probabilities || classes == 2 ? classes : pairs});
  context.output(1, ElementType::i64, {rows});
}

bool keeps_rows(const SvmVotes&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && std::count(batched.begin(), batched.end(), true) == 1;
}

namespace {

/// One row of votes; what is computed once for all rows is in here too.
class Votes {
 public:
  Votes(const SvmVotes& op, const Evaluation& e)
      : op_(op),
        classes_(op.vectors_per_class.size()),
        vectors_(static_cast<size_t>(e.input(1).dim(1))),
        coefficients_(e.input(1).data<float>()),
        rho_(e.input(2).data<float>()),
        prob_a_(e.has(3) ? e.input(3).data<float>() : nullptr),
        prob_b_(e.has(4) ? e.input(4).data<float>() : nullptr) {
    size_t first = 0;
    for (int64_t count : op.vectors_per_class) {
      first_.push_back(first);
      first += static_cast<size_t>(count);
    }
    decisions_.resize(static_cast<size_t>(pairs_of(op)));
  }

  int64_t run(const float* kernels, float* y) {
    std::vector<int> votes(classes_, 0);
    size_t pair = 0;
    for (size_t i = 0; i + 1 < classes_; ++i) {
      for (size_t j = i + 1; j < classes_; ++j, ++pair) {
        decisions_[pair] =
            part(i, j - 1, kernels) + part(j, i, kernels) + static_cast<double>(rho_[pair]);
        ++votes[decisions_[pair] > 0 ? i : j];
      }
    }
    const std::vector<double> scores = transformed();
    std::transform(scores.begin(), scores.end(), y, [](double s) { return static_cast<float>(s); });
    return std::max_element(votes.begin(), votes.end()) - votes.begin();
  }

 private:
  /// The share of class i's vectors in a decision, by that row of the coefficients.
  double part(size_t i, size_t row, const float* kernels) const {
    const float* weights = coefficients_ + row * vectors_ + first_[i];
    double sum = 0;
    for (size_t v = 0; v < static_cast<size_t>(op_.vectors_per_class[i]); ++v)
      sum += static_cast<double>(weights[v]) * static_cast<double>(kernels[first_[i] + v]);
    return sum;
  }

  std::vector<double> transformed() const {
    if (prob_a_) {
      std::vector<double> scores = probabilities();
      transform_scores(op_.transform, scores);
      return scores;
    }
    std::vector<double> scores = decisions_;
    if (classes_ > 2) {
      transform_scores(op_.transform, scores);
      return scores;
    }
    const double score = scores[0];
    switch (op_.transform) {  // as onnxruntime does
      case ScoreTransform::none:
        return {-score, score};
      case ScoreTransform::logistic:
        scores = {-score, score};
        transform_scores(op_.transform, scores);
        return scores;
      case ScoreTransform::probit:
        transform_scores(op_.transform, scores);
        return {scores[0], 0};
      default:
        return {1 - score, score};
    }
  }

  std::vector<double> probabilities() const {
    constexpr double least = 1e-7;
    std::vector<double> wins(classes_ * classes_, 0);  // how likely i is, of i and j
    size_t pair = 0;
    for (size_t i = 0; i < classes_; ++i) {
      for (size_t j = i + 1; j < classes_; ++j, ++pair) {
        const double exponent = decisions_[pair] * static_cast<double>(prob_a_[pair]) +
                                static_cast<double>(prob_b_[pair]);
        const double p = std::clamp(1 / (1 + std::exp(exponent)), least, 1 - least);
        wins[i * classes_ + j] = p;
        wins[j * classes_ + i] = 1 - p;
      }
    }
    return coupled(wins);
  }

  /// libsvm's iteration for the probabilities that fit those of all pairs best.
  std::vector<double> coupled(const std::vector<double>& wins) const {
    const size_t n = classes_;
    constexpr int most_rounds = 100;
    const double enough = 0.005 / static_cast<double>(n);
    std::vector<double> q(n * n, 0), qp(n), p(n, 1 / static_cast<double>(n));
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        if (i == j) continue;
        q[i * n + i] += wins[j * n + i] * wins[j * n + i];
        q[i * n + j] = -wins[j * n + i] * wins[i * n + j];
      }
    }
    for (int round = 0; round < most_rounds; ++round) {
      double pqp = 0;
      for (size_t i = 0; i < n; ++i) {
        qp[i] = 0;
        for (size_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
        pqp += p[i] * qp[i];
      }
      double error = 0;
      for (double each : qp) error = std::max(error, std::abs(each - pqp));
      if (error < enough) break;
      for (size_t i = 0; i < n; ++i) {
        const double step = (pqp - qp[i]) / q[i * n + i];
        p[i] += step;
        pqp = (pqp + step * (step * q[i * n + i] + 2 * qp[i])) / (1 + step) / (1 + step);
        for (size_t j = 0; j < n; ++j) {
          qp[j] = (qp[j] + step * q[i * n + j]) / (1 + step);
          p[j] /= 1 + step;
        }
      }
    }
    return p;
  }

  const SvmVotes& op_;
  size_t classes_, vectors_;
  const float *coefficients_, *rho_, *prob_a_, *prob_b_;
  std::vector<size_t> first_;      // of each class's vectors
  std::vector<double> decisions_;  // of the pairs, of one row
};

}  // namespace

void reference(const SvmVotes& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor& kernels = e.input(0);
  const int64_t rows = shape[0], width = shape[1], vectors = kernels.dim(1);
  float* y = e.output(0, ElementType::f32, shape).data<float>();
  int64_t* classes = e.output(1, ElementType::i64, {rows}).data<int64_t>();
  e.pool().parallel_for(rows, 1, [&](int64_t begin, int64_t end, int) {
    Votes votes(op, e);
    for (int64_t row = begin; row < end; ++row) {
      e.checkpoint();
      classes[row] = votes.run(kernels.data<float>() + row * vectors, y + row * width);
    }
  });
}

}  // namespace drawbar::ops
