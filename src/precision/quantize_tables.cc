#include "precision/quantize_tables.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "ops/cast/op.h"
#include "ops/gather/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

constexpr int64_t kLeastNumbers = 1024;

struct Table {
  ValueId bytes, scales;  // [rows, columns] i8, [rows, 1] f32
};

std::optional<Table> quantized(Graph& graph, ValueId value) {
  const Tensor& numbers = *constant_of(graph, value);
  const int64_t rows = numbers.dim(0), columns = numbers.dim(1);
  Tensor bytes = Tensor::allocate(ElementType::i8, numbers.shape()),
         scales = Tensor::allocate(ElementType::f32, {rows, 1});
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = numbers.data<float>() + row * columns;
    float most = 0;
    for (int64_t i = 0; i < columns; ++i) {
      if (!std::isfinite(from[i])) return {};
      most = std::max(most, std::fabs(from[i]));
    }
    const float step = most / 127, scale = step > std::numeric_limits<float>::min() ? step : 1;
    scales.data<float>()[row] = scale;
    for (int64_t i = 0; i < columns; ++i) {
      bytes.data<int8_t>()[row * columns + i] =
          static_cast<int8_t>(std::clamp(std::nearbyint(from[i] / scale), -127.0f, 127.0f));
    }
  }
  const std::string name = graph.value(value).name;
  return Table{graph.add_constant(std::move(bytes), name + " i8"),
               graph.add_constant(std::move(scales), name + " scales")};
}

bool is_table(const Graph& graph, ValueId value) {
  if (value == no_id || !graph.value(value).is_constant()) return false;
  const Constant& constant = *graph.value(value).constant;
  return constant.type() == ElementType::f32 && constant.shape().size() == 2 &&
         element_count(constant.shape()) >= kLeastNumbers;
}

}  // namespace

void quantize_tables(Graph& graph) {
  std::map<ValueId, std::optional<Table>> tables;
  for (NodeId id : graph.order()) {
    const Node node = graph.node(id);
    const auto* gather = node.op.as<ops::Gather>();
    if (gather == nullptr || (gather->axis != 0 && gather->axis != -2) ||
        !is_table(graph, node.inputs[0]))
      continue;
    const auto [place, is_new] = tables.emplace(node.inputs[0], std::nullopt);
    if (is_new) place->second = quantized(graph, node.inputs[0]);
    if (!place->second) continue;
    const auto add = [&](Op op, std::vector<ValueId> inputs) {
      return graph
          .node(graph.add_node(std::move(op), std::move(inputs), 1, node.name, {}, node.rank))
          .outputs[0];
    };
    const ValueId bytes = add(node.op, {place->second->bytes, node.inputs[1]}),
                  scales = add(node.op, {place->second->scales, node.inputs[1]}),
                  steps = add(ops::Cast{.to = ElementType::f32}, {bytes}),
                  rows = add(ops::Elementwise(ops::Function::Mul), {steps, scales});
    graph.set_value_name(rows, graph.value(node.outputs[0]).name);
    graph.replace_value(node.outputs[0], rows);
  }
  graph.remove_dead();
}

}  // namespace drawbar
