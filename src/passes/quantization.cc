#include "passes/quantization.h"

namespace drawbar {
namespace {

bool is_byte(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

}  // namespace

std::optional<Quantization> quantization_of(const Graph& graph, const Node& node, ElementType type,
                                            int64_t axis, int64_t block_size, Channels channels) {
  Quantization q;
  q.scale = node.inputs[1];
  q.zero = optional_input(node, 2);
  q.type = type;
  q.scales = constant_of(graph, q.scale);
  if (q.zero != no_id) q.zeros = constant_of(graph, q.zero);
  if (!is_byte(type) || q.scales == nullptr || (q.zero != no_id && q.zeros == nullptr)) return {};
  if (q.scales->type() != ElementType::f32 || block_size != 0) return {};
  const int64_t count = q.scales->size();
  if (count != 1 && (count != channels.count || axis != channels.axis)) return {};
  for (int64_t i = 0; i < count; ++i) {
    const float scale = q.scales->data<float>()[i];
    if (!std::isfinite(scale) || scale <= 0) return {};
  }
  return q;
}

std::optional<Quantization> dequantized(const Graph& graph, ValueId value, Channels channels) {
  const auto* op = producer_as<ops::DequantizeLinear>(graph, value);
  if (op == nullptr || op->to != ElementType::f32) return {};
  const Node& node = producer(graph, value);
  const int64_t rank = is_ranked_tensor(graph, value) ? graph.value(value).type.tensor.rank() : 0;
  const int64_t axis = op->axis < 0 ? op->axis + rank : op->axis;
  return quantization_of(graph, node, element_of(graph, node.inputs[0]), axis, op->block_size,
                         channels);
}

int64_t zero_of(const Quantization& q) { return q.zeros ? read_integer(*q.zeros, 0) : 0; }

bool is_same(const Quantization& a, const Quantization& b) {
  return a.type == b.type && a.scales->size() == 1 && b.scales->size() == 1 &&
         a.scale_of(0) == b.scale_of(0) && zero_of(a) == zero_of(b);
}

ValueId zero_point(Patch& patch, const Quantization& q) {
  if (q.zero != no_id) return q.zero;
  Tensor zero = Tensor::allocate(q.type, {});
  write_integer(zero, 0, 0);
  return patch.constant(std::move(zero));
}

}  // namespace drawbar
