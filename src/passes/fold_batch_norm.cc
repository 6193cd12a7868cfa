#include "passes/fold_batch_norm.h"

#include "ops/batch_norm/op.h"
#include "passes/channel_affine.h"

namespace drawbar {
namespace {

/// The normalisation as an affine function, when its statistics are constants.
std::optional<ChannelAffine> affine_of(const Graph& graph, const Node& node,
                                       const ops::BatchNorm& op) {
  const Tensor* numbers[4];  // scale, b, mean, var
  for (size_t i = 0; i < 4; ++i) {
    numbers[i] = constant_of(graph, node.inputs[i + 1]);
    if (!numbers[i]) return std::nullopt;
  }
  ChannelAffine affine;
  for (int64_t c = 0; c < numbers[0]->size(); ++c) {
    const double deviation =
        std::sqrt(read_number(*numbers[3], c) + static_cast<double>(op.epsilon));
    const double scale = read_number(*numbers[0], c) / deviation;
    const double shift = read_number(*numbers[1], c) - read_number(*numbers[2], c) * scale;
    if (!std::isfinite(scale) || !std::isfinite(shift)) return std::nullopt;
    affine.scale.push_back(scale);
    affine.shift.push_back(shift);
  }
  return affine;
}

ValueId channel_constant(Patch& patch, const std::vector<double>& numbers, ElementType element,
                         int64_t rank) {
  Shape shape(static_cast<size_t>(rank > 1 ? rank - 1 : 1), 1);
  shape[0] = static_cast<int64_t>(numbers.size());
  Tensor tensor = Tensor::allocate(element, shape);
  for (size_t i = 0; i < numbers.size(); ++i)
    write_number(tensor, static_cast<int64_t>(i), numbers[i]);
  return patch.constant(std::move(tensor));
}

}  // namespace

Patch fold_batch_norm(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::BatchNorm>();
  if (!op || op->training || node.outputs.size() != 1) return unchanged();
  const ValueId x = node.inputs[0];
  if (!is_ranked_tensor(graph, x) || graph.value(x).type.tensor.rank() < 1) return unchanged();
  const auto affine = affine_of(graph, node, *op);
  if (!affine) return unchanged();
  Patch patch(graph, id);
  const bool fits = can_absorb(graph, x) && channel_axis(graph, x) == 1 &&
                    channel_count(graph, x) == static_cast<int64_t>(affine->scale.size());
  if (fits) {
    patch.replace(node.outputs[0], absorb(patch, graph, x, *affine));
    return patch;
  }
  const ElementType element = element_of(graph, x);
  const int64_t rank = graph.value(x).type.tensor.rank();
  const ValueId scale = channel_constant(patch, affine->scale, element, rank);
  const ValueId shift = channel_constant(patch, affine->shift, element, rank);
  const ValueId product = patch.add(ops::Elementwise(ops::Function::Mul), {x, scale});
  patch.replace(node.outputs[0], patch.add(ops::Elementwise(ops::Function::Add), {product, shift}));
  return patch;
}

}  // namespace drawbar
