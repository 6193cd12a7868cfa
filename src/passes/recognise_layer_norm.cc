#include "passes/recognise_layer_norm.h"

#include <algorithm>

#include "ops/layer_norm/op.h"
#include "ops/reduce/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using ops::Function;
using ops::LayerNorm;

/// The value whose mean over its last axes this is, and the first of those axes (negative).
struct Mean {
  ValueId of = no_id;
  int64_t axis = 0;
};

std::optional<std::vector<int64_t>> axes_of(const Graph& graph, const Node& node,
                                            const ops::Reduce& op) {
  const ValueId input = optional_input(node, 1);
  if (input == no_id) return op.axes;
  const Tensor* constant = constant_of(graph, input);
  if (!constant) return std::nullopt;
  return read_integers(*constant);
}

std::optional<Mean> mean_of(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::Reduce>(graph, value);
  if (!op || op->kind != ops::Reduction::mean || !op->keep_dims) return std::nullopt;
  const Node& node = producer(graph, value);
  const ValueId x = node.inputs[0];
  auto axes = axes_of(graph, node, *op);
  if (!axes || axes->empty() || !is_ranked_tensor(graph, x)) return std::nullopt;
  const int64_t rank = graph.value(x).type.tensor.rank();
  for (int64_t& axis : *axes) axis = Infer::axis(axis, rank) - rank;
  std::sort(axes->begin(), axes->end());
  axes->erase(std::unique(axes->begin(), axes->end()), axes->end());
  if (axes->front() != -static_cast<int64_t>(axes->size())) return std::nullopt;
  return Mean{x, axes->front()};
}

/// What is squared, or no_id.
ValueId squared(const Graph& graph, ValueId value) {
  if (is_function(graph, value, Function::Mul)) {
    const ValueId x = input_of(graph, value);
    return x == input_of(graph, value, 1) ? x : no_id;
  }
  const bool square =
      is_function(graph, value, Function::Pow) && is_scalar(graph, input_of(graph, value, 1), 2);
  return square ? input_of(graph, value) : no_id;
}

/// v and epsilon of sqrt(v + epsilon), or of its reciprocal.
struct Root {
  ValueId variance = no_id;
  double epsilon = 0;
};

std::optional<Root> sum_with_epsilon(const Graph& graph, ValueId value) {
  if (!is_function(graph, value, Function::Add)) return Root{value, 0};
  for (size_t i = 0; i < 2; ++i) {
    const auto epsilon = scalar_of(graph, input_of(graph, value, i));
    if (epsilon && *epsilon >= 0) return Root{input_of(graph, value, 1 - i), *epsilon};
  }
  return std::nullopt;
}

bool is_power(const Graph& graph, ValueId value, double exponent) {
  return is_function(graph, value, Function::Pow) &&
         is_scalar(graph, input_of(graph, value, 1), exponent);
}

std::optional<Root> root_of(const Graph& graph, ValueId value) {
  if (!is_function(graph, value, Function::Sqrt) && !is_power(graph, value, 0.5))
    return std::nullopt;
  return sum_with_epsilon(graph, input_of(graph, value));
}

std::optional<Root> inverse_root_of(const Graph& graph, ValueId value) {
  if (is_power(graph, value, -0.5)) return sum_with_epsilon(graph, input_of(graph, value));
  if (is_function(graph, value, Function::Reciprocal))
    return root_of(graph, input_of(graph, value));
  const bool quotient =
      is_function(graph, value, Function::Div) && is_scalar(graph, input_of(graph, value), 1);
  return quotient ? root_of(graph, input_of(graph, value, 1)) : std::nullopt;
}

/// numerator / sqrt(variance + epsilon)
struct Quotient {
  ValueId numerator;
  Root root;
};

std::optional<Quotient> normalized(const Graph& graph, const Node& node,
                                   const ops::Elementwise& op) {
  if (op.function == Function::Div) {
    const auto root = root_of(graph, node.inputs[1]);
    if (root) return Quotient{node.inputs[0], *root};
  } else if (op.function == Function::Mul) {
    for (size_t i = 0; i < 2; ++i) {
      const auto root = inverse_root_of(graph, node.inputs[i]);
      if (root) return Quotient{node.inputs[1 - i], *root};
    }
  }
  return std::nullopt;
}

/// Whether `value` is `x` minus its mean over the axes from `axis` on.
bool is_centred(const Graph& graph, ValueId value, int64_t axis) {
  if (!is_function(graph, value, Function::Sub)) return false;
  const auto mean = mean_of(graph, input_of(graph, value, 1));
  return mean && mean->of == input_of(graph, value) && mean->axis == axis;
}

/// Whether a constant's dimensions are those of x from `axis` on, ones in front aside.
bool covers_normalized(const Graph& graph, ValueId constant, const Dims& x, int64_t axis) {
  if (constant == no_id || !graph.value(constant).is_constant()) return false;
  const Dims& dims = dims_of(graph, constant);
  const auto covered = static_cast<size_t>(-axis);
  if (dims.size() < covered || dims.size() > x.size()) return false;
  return std::all_of(dims.begin(), dims.end() - static_cast<std::ptrdiff_t>(covered),
                     [](const Dim& dim) { return dim == Dim(1); }) &&
         std::equal(dims.rbegin(), dims.rbegin() + static_cast<std::ptrdiff_t>(covered),
                    x.rbegin());
}

/// The constant without the ones in front.
ValueId trimmed(Patch& patch, const Graph& graph, ValueId id, int64_t axis) {
  const Constant& constant = *graph.value(id).constant;
  if (constant.shape().size() == static_cast<size_t>(-axis)) return id;
  const Shape shape(constant.shape().end() + axis, constant.shape().end());
  return patch.constant(constant.tensor().reshaped(shape));
}

}  // namespace

Patch recognise_layer_norm(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Elementwise>();
  if (!op) return unchanged();
  const auto quotient = normalized(graph, node, *op);
  if (!quotient) return unchanged();
  const auto mean = mean_of(graph, quotient->root.variance);
  if (!mean || squared(graph, mean->of) != quotient->numerator) return unchanged();
  const ValueId numerator = quotient->numerator;
  LayerNorm norm{.axis = mean->axis, .epsilon = static_cast<float>(quotient->root.epsilon)};
  norm.root_mean_square = !is_centred(graph, numerator, mean->axis);
  const ValueId x = norm.root_mean_square ? numerator : input_of(graph, numerator);
  if (graph.value(x).type != graph.value(node.outputs[0]).type) return unchanged();
  Patch patch(graph, id);
  patch.replace(node.outputs[0], patch.add(norm, {x}));
  return patch;
}

Patch fold_layer_norm_affine(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Elementwise>();
  if (!op || (op->function != Function::Mul && op->function != Function::Add)) return unchanged();
  for (size_t side = 0; side < 2; ++side) {
    const ValueId value = node.inputs[side], constant = node.inputs[1 - side];
    const auto* norm = producer_as<LayerNorm>(graph, value);
    if (!norm || !has_one_reader(graph, value) || norm->axis >= 0) continue;
    const Node& before = producer(graph, value);
    if (before.outputs.size() != 1 || optional_input(before, LayerNorm::bias) != no_id) continue;
    const bool scales = op->function == Function::Mul;
    if (scales && optional_input(before, LayerNorm::scale) != no_id) continue;
    if (!covers_normalized(graph, constant, dims_of(graph, value), norm->axis)) continue;
    std::vector<ValueId> inputs = before.inputs;
    inputs.resize(std::max(inputs.size(), size_t{3}), no_id);
    Patch patch(graph, id);
    inputs[scales ? LayerNorm::scale : LayerNorm::bias] =
        trimmed(patch, graph, constant, norm->axis);
    while (inputs.back() == no_id) inputs.pop_back();
    patch.replace(node.outputs[0], patch.add(*norm, inputs));
    return patch;
  }
  return unchanged();
}

}  // namespace drawbar
