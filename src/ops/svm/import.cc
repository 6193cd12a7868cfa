#include "ops/score_transform/import.h"

#include "ops/arg_reduce/op.h"
#include "ops/cast/op.h"
#include "ops/gather/op.h"
#include "ops/matmul/op.h"
#include "ops/pointwise/op.h"
#include "ops/reduce/op.h"
#include "ops/svm/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;
using ops::ScoreTransform;

/// Floats as a matrix of `rows` rows.
ValueId matrix(OnnxNode& node, std::string_view name, const std::vector<float>& numbers,
               int64_t rows) {
  const auto count = static_cast<int64_t>(numbers.size());
  if (rows < 1 || count == 0 || count % rows != 0) {
    fail(ErrorCode::invalid_model, "{} has {} elements, expected a multiple of {}", name, count,
         rows);
  }
  return node.constant_value(Tensor::from<float>({rows, count / rows}, numbers));
}

ValueId vector(OnnxNode& node, const std::vector<float>& numbers) {
  return node.constant_value(Tensor::from<float>({static_cast<int64_t>(numbers.size())}, numbers));
}

ValueId scalar(OnnxNode& node, float number) { return node.constant_value(Tensor::scalar(number)); }

ValueId rows(OnnxNode& node) {
  return feature_rows(node, node.inputs_padded(1)[0], ElementType::f32);
}

/// What the node's kernel makes of every row of x with every support vector: f32 [N, V].
ValueId kernel_values(OnnxNode& node, int64_t vectors) {
  const std::string kind = node.text("kernel_type", "LINEAR");
  std::vector<float> parameters = node.numbers("kernel_params");
  if (!parameters.empty() && parameters.size() != 3) {
    fail(ErrorCode::invalid_model, "kernel_params has {} elements, expected gamma, coef0, degree",
         parameters.size());
  }
  parameters.resize(3, 0);
  const float gamma = parameters[0], coef0 = parameters[1], degree = parameters[2];
  const std::vector<ValueId> operands = {
      rows(node), matrix(node, "support_vectors", node.numbers("support_vectors"), vectors)};
  if (kind == "RBF") return node.add(ops::RbfKernels{gamma}, operands);
  if (kind == "LINEAR") return node.add(ops::MatMul{.transpose_b = true}, operands);
  if (kind != "POLY" && kind != "SIGMOID") {
    fail(ErrorCode::invalid_model, "kernel_type is '{}', expected LINEAR, POLY, RBF or SIGMOID",
         kind);
  }
  const ValueId products = node.add(ops::MatMul{.transpose_b = true, .alpha = gamma},
                                    {operands[0], operands[1], vector(node, {coef0})});
  if (kind == "SIGMOID") return node.add(Elementwise(Function::Tanh), {products});
  return node.add(Elementwise(Function::Pow), {products, scalar(node, degree)});
}

float first_rho(const OnnxNode& node) {
  const std::vector<float> rho = node.numbers("rho");
  if (rho.empty()) fail(ErrorCode::invalid_model, "rho is empty, expected a number");
  return rho[0];
}

/// Scores of a machine without support vectors: x · coefficients + rho, of each class.
ValueId plane_scores(OnnxNode& node, int64_t classes) {
  const ValueId planes = matrix(node, "coefficients", node.numbers("coefficients"), classes);
  return node.add(ops::MatMul{.transpose_b = true},
                  {rows(node), planes, vector(node, {first_rho(node)})});
}

/// The class of two that onnxruntime gives for scores without votes: the second where the larger
/// score is high enough, else the larger one's.
ValueId class_of_two(OnnxNode& node, ValueId scores, ValueId largest) {
  const std::vector<float> coefficients = node.numbers("coefficients");
  const bool positive =
      std::all_of(coefficients.begin(), coefficients.end(), [](float w) { return w >= 0; });
  const ValueId most =
      node.add(ops::Reduce{.kind = ops::Reduction::max, .axes = {1}, .keep_dims = false}, {scores});
  const ValueId high =
      node.add(Elementwise(positive ? Function::GreaterOrEqual : Function::Greater),
               {most, scalar(node, positive ? 0.5f : 0.0f)});
  const ValueId second = node.constant_value(Tensor::scalar<int64_t>(1));
  return node.add(Elementwise(Function::Where), {high, second, largest});
}

void answer(OnnxNode& node, const Tensor& labels, ValueId chosen, ValueId scores) {
  node.set_output(0, node.add(ops::Gather{0}, {node.constant_value(labels), chosen}));
  node.set_output(1, scores);
}

}  // namespace

ONNX_ML_OP(SVMRegressor) {
  const int64_t vectors = node.integer("n_supports", 0);
  if (vectors < 0) fail(ErrorCode::invalid_model, "n_supports is {}", vectors);
  ValueId y;
  if (vectors == 0) {
    y = plane_scores(node, 1);
  } else {
    const ValueId kernels = kernel_values(node, vectors);
    const std::vector<float> coefficients = node.numbers("coefficients");
    if (static_cast<int64_t>(coefficients.size()) != vectors) {
      fail(ErrorCode::invalid_model, "coefficients has {} elements, expected {}",
           coefficients.size(), vectors);
    }
    y = node.add(
        ops::MatMul{.transpose_b = true},
        {kernels, matrix(node, "coefficients", coefficients, 1), vector(node, {first_rho(node)})});
  }
  if (node.integer("one_class", 0) != 0) {
    const ValueId inside = node.add(Elementwise(Function::Greater), {y, scalar(node, 0)});
    y = node.add(Elementwise(Function::Where), {inside, scalar(node, 1), scalar(node, -1)});
  }
  node.set_output(0, transformed(node, y, post_transform(node)));
}

ONNX_ML_OP(SVMClassifier) {
  const std::optional<Tensor> labels = class_labels(node, "classlabels_ints");
  if (!labels) {
    fail(ErrorCode::invalid_model, "has neither classlabels_ints nor classlabels_strings");
  }
  const ScoreTransform transform = post_transform(node);
  const ops::SvmVotes op{node.integers("vectors_per_class"), transform};
  int64_t vectors = 0;
  for (int64_t count : op.vectors_per_class) {
    if (count < 0 || count > std::numeric_limits<int32_t>::max()) {
      fail(ErrorCode::invalid_model, "vectors_per_class has the number {}", count);
    }
    vectors += count;
  }
  if (vectors == 0) {
    const ValueId scores = plane_scores(node, labels->size());
    ValueId chosen = node.add(ops::ArgReduce{.axis = 1, .keep_dims = false}, {scores});
    if (labels->size() == 2) chosen = class_of_two(node, scores, chosen);
    return answer(node, *labels, chosen, transformed(node, scores, transform));
  }
  if (static_cast<int64_t>(op.vectors_per_class.size()) != labels->size()) {
    fail(ErrorCode::invalid_model, "vectors_per_class has {} elements for {} labels",
         op.vectors_per_class.size(), labels->size());
  }
  const ValueId kernels = kernel_values(node, vectors);
  std::vector<ValueId> inputs = {
      kernels, matrix(node, "coefficients", node.numbers("coefficients"), labels->size() - 1),
      vector(node, node.numbers("rho"))};
  if (node.has("prob_a") && !node.numbers("prob_a").empty()) {
    inputs.push_back(vector(node, node.numbers("prob_a")));
    inputs.push_back(vector(node, node.numbers("prob_b")));
  }
  const std::vector<ValueId> results = node.add_all(op, std::move(inputs), 2);
  answer(node, *labels, results[1], results[0]);
}

}  // namespace drawbar::onnx
