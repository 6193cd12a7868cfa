#include "passes/lines_to_images.h"

#include "ops/integer_add/op.h"
#include "ops/integer_conv/op.h"
#include "ops/reshape/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

constexpr int64_t kLine = 2;  // the axis that an image has more

void put_first(std::vector<int64_t>& numbers, int64_t number) {
  if (!numbers.empty()) numbers.insert(numbers.begin(), number);
}

/// The image that a line was before, or no_id.
ValueId former_image(const Graph& graph, ValueId line) {
  const auto* squeeze = producer_as<ops::Squeeze>(graph, line);
  const bool was_image = squeeze && squeeze->axes == std::vector<int64_t>{kLine};
  return was_image ? input_of(graph, line) : no_id;
}

ValueId image_of(const Graph& graph, ValueId line, Patch& patch) {
  const ValueId image = former_image(graph, line);
  return image != no_id ? image : patch.add(ops::Unsqueeze{{kLine}}, {line});
}

/// The image takes the name of the result, as it may be all that stays.
void replace_by_line(const Graph& graph, const Node& node, ValueId image, Patch& patch) {
  const std::string& name = graph.value(node.outputs[0]).name;
  const ValueId line = patch.add(ops::Squeeze{{kLine}}, {image});
  patch.name(image, name);
  patch.name(line, name + "_line");
  patch.replace(node.outputs[0], line);
}

template <class Conv>
Patch to_image(const Graph& graph, NodeId id, Conv conv, size_t weights) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0];
  const Tensor* lines = constant_of(graph, node.inputs[weights]);
  if (!lines || lines->rank() != 3 || !is_ranked_tensor(graph, x)) return unchanged();
  put_first(conv.strides, 1);
  put_first(conv.dilations, 1);
  put_first(conv.pads_begin, 0);
  put_first(conv.pads_end, 0);
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = image_of(graph, x, patch);
  inputs[weights] =
      patch.constant(lines->reshaped({lines->dim(0), lines->dim(1), 1, lines->dim(2)}));
  replace_by_line(graph, node, patch.add(std::move(conv), std::move(inputs), node.name), patch);
  return patch;
}

/// A sum of lines of which one was an image.
Patch sum_of_images(const Graph& graph, NodeId id) {
  constexpr size_t kTerms[] = {0, 3};
  const Node& node = graph.node(id);
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  bool was_image = false;
  for (size_t i : kTerms) {
    const ValueId line = node.inputs[i];
    if (!is_ranked_tensor(graph, line) || dims_of(graph, line).size() != 3) return unchanged();
    inputs[i] = image_of(graph, line, patch);
    was_image |= former_image(graph, line) != no_id;
  }
  if (!was_image) return unchanged();
  replace_by_line(graph, node, patch.add(node.op, std::move(inputs), node.name), patch);
  return patch;
}

}  // namespace

Patch lines_to_images(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (const auto* conv = node.op.as<ops::QLinearConv>()) return to_image(graph, id, *conv, 3);
  if (const auto* sums = node.op.as<ops::ConvInteger>()) return to_image(graph, id, *sums, 1);
  if (node.op.as<ops::QLinearAdd>()) return sum_of_images(graph, id);
  return unchanged();
}

}  // namespace drawbar
