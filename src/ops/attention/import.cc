#include "ops/attention/import.h"

#include "ops/attention/op.h"
#include "ops/concat/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/import.h"
#include "ops/shape/op.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {

using ops::Attention;

ValueId split_heads(OnnxNode& node, ValueId x, int64_t heads) {
  return reshaped(node, x, {0, 0, heads, -1});
}

ValueId heads_first(OnnxNode& node, ValueId x) {
  return node.add(ops::Transpose{{0, 2, 1, 3}}, {x});
}

int64_t head_count(const OnnxNode& node, std::string_view attribute) {
  const int64_t count = node.required_integer(attribute);
  if (count < 1) fail(ErrorCode::invalid_model, "{} is {}, expected at least 1", attribute, count);
  return count;
}

namespace {

/// Keys or values behind those of earlier steps. The cache has its heads first.
void append_cache(OnnxNode& node, size_t past, size_t present, ValueId& now, bool& heads_last) {
  const bool kept = present < node.outputs() && node.output_used(present);
  if (!node.has_input(past) && !kept) return;
  if (heads_last) now = heads_first(node, now);
  heads_last = false;
  if (node.has_input(past)) now = node.add(ops::Concat{2}, {node.input(past), now});
  if (kept) node.set_output(present, now);
}

ops::AttentionScores scores(const OnnxNode& node) {
  const int64_t mode = node.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) {
    fail(ErrorCode::invalid_model, "qk_matmul_output_mode is {}, expected 0 to 3", mode);
  }
  return static_cast<ops::AttentionScores>(mode);
}

}  // namespace

ONNX_OP(Attention) {
  enum : size_t { past_key = 4, past_value = 5, nonpad_lengths = 6 };
  Attention op{.scale = static_cast<float>(node.number("scale", 0)),
               .causal = node.integer("is_causal", 0) != 0,
               .softcap = static_cast<float>(node.number("softcap", 0)),
               .left_window = node.integer("left_window_size", -1),
               .right_window = node.integer("right_window_size", -1),
               .scores = scores(node)};
  ValueId q = node.input(0), k = node.input(1), v = node.input(2);
  const TensorType& type = node.value(q).type.tensor;
  if (!type.ranked) fail(ErrorCode::unsupported, "Q has no known rank");
  const bool flat = type.rank() == 3;
  if (flat) {
    const int64_t groups = head_count(node, "kv_num_heads");
    q = split_heads(node, q, head_count(node, "q_num_heads"));
    k = split_heads(node, k, groups);
    v = split_heads(node, v, groups);
    op.q_heads_last = op.k_heads_last = op.v_heads_last = op.y_heads_last = true;
  }
  if (node.has_input(past_key) != node.has_input(past_value)) {
    fail(ErrorCode::invalid_model, "past_key and past_value must be given together");
  }
  append_cache(node, past_key, 1, k, op.k_heads_last);
  append_cache(node, past_value, 2, v, op.v_heads_last);
  ValueId lengths = no_id, offset = no_id;
  const bool placed = op.causal || op.left_window >= 0 || op.right_window >= 0;
  if (node.has_input(nonpad_lengths)) {
    lengths = node.input(nonpad_lengths);
    const int64_t axis = flat ? 1 : 2;
    if (placed && !node.has_input(past_key)) {
      const ValueId queries = node.add(ops::ShapeOf{axis, axis + 1}, {q});
      offset = node.add(ops::Elementwise(ops::Function::Sub), {lengths, queries});
    }
  }
  if (placed && node.has_input(past_key)) {
    offset = node.add(ops::ShapeOf{2, 3}, {node.input(past_key)});
  }
  std::vector<ValueId> inputs = {q, k, v};
  if (node.has_input(3) || lengths != no_id || offset != no_id) {
    inputs.insert(inputs.end(), {node.has_input(3) ? node.input(3) : no_id, lengths, offset});
  }
  const bool scores_wanted = node.outputs() > 3 && node.output_used(3);
  const std::vector<ValueId> results =
      node.add_all(std::move(op), std::move(inputs), scores_wanted ? 2 : 1);
  node.set_output(0, flat ? reshaped(node, results[0], {0, 0, -1}) : results[0]);
  if (scores_wanted) node.set_output(3, results[1]);
}

}  // namespace drawbar::onnx
