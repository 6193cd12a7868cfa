#include "ops/multi_head_attention/import.h"

#include "base/checked.h"
#include "import/onnx/node.h"
#include "ops/attention/op.h"
#include "ops/cast/op.h"
#include "ops/concat/op.h"
#include "ops/expand/op.h"
#include "ops/gather/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/op.h"
#include "ops/scatter/op.h"
#include "ops/shape/op.h"

namespace drawbar::onnx {
namespace {

using ops::Attention;
using ops::Elementwise;
using ops::Function;

enum Inputs : size_t {
  query,
  key,
  value,
  past_key,
  past_value,
  last_positions,  // [B]: of each sequence's last token
  total_length,    // one number: the longest sequence's length
  cos_cache,
  sin_cache,
  position_ids,
  attention_bias,
  head_sink,
  k_scale,
  v_scale
};

ValueId apply(OnnxNode& node, Function function, ValueId a, ValueId b) {
  return node.add(Elementwise(function), {a, b});
}

ValueId as_i64(OnnxNode& node, ValueId x) { return node.add(ops::Cast{ElementType::i64}, {x}); }

Tensor zeros(ElementType element) {
  Tensor zero = Tensor::allocate(element, {});
  write_number(zero, 0, 0);
  return zero;
}

void refuse_what_is_missing(const OnnxNode& node) {
  if (node.has_input(head_sink) || node.integer("smooth_softmax", 0) == 1) {
    fail(ErrorCode::unsupported, "smooth_softmax and head_sink");
  }
  const bool quantized = node.has_input(k_scale) || node.has_input(v_scale) ||
                         node.text("k_quant_type", "NONE") != "NONE" ||
                         node.text("v_quant_type", "NONE") != "NONE";
  if (quantized) fail(ErrorCode::unsupported, "caches of quantized numbers");
  if (node.has_input(past_key) != node.has_input(past_value)) {
    fail(ErrorCode::invalid_model, "past_key and past_value must be given together");
  }
  if (node.has_input(key) != node.has_input(value)) {
    fail(ErrorCode::invalid_model, "key and value must be given together");
  }
}

/// Where each sequence's queries begin, [B]: behind what its cache holds, at 0 in a first prompt
/// (whose shorter sequences end in padding). no_id without a cache.
ValueId first_positions(OnnxNode& node, ValueId queries) {
  if (!node.has_input(past_key)) return no_id;
  const ValueId one = node.constant_list({1}), zero = node.constant_list({0});
  const ValueId last = reshaped(node, as_i64(node, node.input(last_positions)), {-1});
  const ValueId lengths = apply(node, Function::Add, last, one);
  const ValueId total = reshaped(node, as_i64(node, node.input(total_length)), {1});
  const ValueId first_prompt = apply(node, Function::Equal, total, queries);
  return node.add(Elementwise(Function::Where),
                  {first_prompt, zero, apply(node, Function::Sub, lengths, queries)});
}

/// The cache with the new rows [B, G, S, size] written where each sequence's begin. It grows to the
/// longest sequence's length if it is not that long yet.
ValueId cached(OnnxNode& node, ValueId past, ValueId now, ValueId begins) {
  const ValueId capacity = node.add(ops::ShapeOf{2, 3}, {past});
  const ValueId total = reshaped(node, as_i64(node, node.input(total_length)), {1});
  const ValueId missing = apply(node, Function::Max, apply(node, Function::Sub, total, capacity),
                                node.constant_list({0}));
  const ValueId shape = node.add(ops::Concat{0}, {node.add(ops::ShapeOf{0, 2}, {past}), missing,
                                                  node.add(ops::ShapeOf{3, 4}, {past})});
  const ValueId zero = node.constant_value(zeros(ranked_type(node, past, "a cache").element));
  const ValueId grown = node.add(ops::Concat{2}, {past, node.add(ops::Expand{}, {zero, shape})});
  return node.add(ops::TensorScatter{.axis = 2}, {grown, now, begins});
}

/// Rows of the tables of cosines and sines for every position, [B, S, 1, R / 2] (or without B).
struct Rotation {
  ValueId cos = no_id, sin = no_id;
  int64_t size = 0;  // R, how much of a head is rotated
  bool interleaved = false;
};

Rotation rotation(OnnxNode& node, ValueId queries, ValueId begins) {
  Rotation result{.interleaved = node.integer("rotary_interleaved", 0) != 0};
  const int64_t half =
      known_dim(ranked_type(node, node.input(cos_cache), "cos_cache"), 1, "cos_cache");
  if (half < 1 || half > INT32_MAX) {
    fail(ErrorCode::invalid_model, "cos_cache has {} columns, expected 1 to 2^31 - 1", half);
  }
  result.size = 2 * half;
  ValueId positions;
  if (node.has_input(position_ids)) {
    positions = as_i64(node, node.input(position_ids));
  } else {
    positions =
        node.add(ops::NumberRange{}, {node.constant_list({0}), queries, node.constant_list({1})});
    if (begins != no_id) {
      const ValueId column = node.add(ops::Unsqueeze{{1}}, {begins});
      positions = apply(node, Function::Add, positions, column);
    }
  }
  const auto rows = [&](size_t table) {
    const ValueId gathered = node.add(ops::Gather{0}, {node.input(table), positions});
    return node.add(ops::Unsqueeze{{-2}}, {gathered});
  };
  result.cos = rows(cos_cache);
  result.sin = rows(sin_cache);
  return result;
}

/// Turns the pairs of x [B, S, heads, size]: of element i and i + R / 2, or of neighbours.
ValueId rotated(OnnxNode& node, ValueId x, const Rotation& by) {
  const int64_t size = known_dim(node.value(x).type.tensor, 3, "a head");
  if (by.size > size) {
    fail(ErrorCode::invalid_model, "cos_cache has {} columns, but heads have {} elements",
         by.size / 2, size);
  }
  const int64_t half = by.size / 2;
  std::vector<ValueId> parts;  // the first and second ones of the pairs, and what stays as it is
  if (by.interleaved) {
    ValueId turned = x, rest = no_id;
    if (by.size < size) {
      const std::vector<ValueId> both = split(node, x, 3, {by.size, size - by.size});
      turned = both[0];
      rest = both[1];
    }
    parts = split(node, reshaped(node, turned, {0, 0, 0, half, 2}), 4, {1, 1});
    for (ValueId& part : parts) part = node.add(ops::Squeeze{{4}}, {part});
    if (rest != no_id) parts.push_back(rest);
  } else {
    std::vector<int64_t> sizes = {half, half};
    if (by.size < size) sizes.push_back(size - by.size);
    parts = split(node, x, 3, std::move(sizes));
  }
  const ValueId first = apply(node, Function::Sub, apply(node, Function::Mul, parts[0], by.cos),
                              apply(node, Function::Mul, parts[1], by.sin));
  const ValueId second = apply(node, Function::Add, apply(node, Function::Mul, parts[1], by.cos),
                               apply(node, Function::Mul, parts[0], by.sin));
  parts[0] = first;
  parts[1] = second;
  if (!by.interleaved) return node.add(ops::Concat{3}, std::move(parts));
  const ValueId pairs = node.add(ops::Concat{4}, {node.add(ops::Unsqueeze{{4}}, {first}),
                                                  node.add(ops::Unsqueeze{{4}}, {second})});
  ValueId result = reshaped(node, pairs, {0, 0, 0, by.size});
  if (parts.size() > 2) result = node.add(ops::Concat{3}, {result, parts[2]});
  return result;
}

/// [B, S, (heads + 2 · groups) · size] → queries, keys and values.
std::vector<ValueId> unpacked(OnnxNode& node, int64_t heads, int64_t groups) {
  const int64_t whole =
      known_dim(ranked_type(node, node.input(query), "query"), 2, "the packed query");
  const int64_t parts = checked_add(heads, checked_mul(2, groups));
  if (whole < parts || whole % parts != 0) {
    fail(ErrorCode::invalid_model, "the packed query has {} columns for {} + 2 · {} heads", whole,
         heads, groups);
  }
  const int64_t size = whole / parts;
  return split(node, node.input(query), 2, {heads * size, groups * size, groups * size});
}

}  // namespace

/// Attention is causal by position: what a cache holds behind a sequence's end is not seen.
ONNX_MICROSOFT_OP(GroupQueryAttention) {
  refuse_what_is_missing(node);
  const int64_t heads = head_count(node, "num_heads"), groups = head_count(node, "kv_num_heads");
  const TensorType type = ranked_type(node, node.input(query), "query");
  if (type.rank() != 3)
    fail(ErrorCode::invalid_model, "query has rank {}, expected 3", type.rank());
  std::vector<ValueId> operands = {node.input(query), node.input(key), node.input(value)};
  if (!node.has_input(key)) operands = unpacked(node, heads, groups);
  ValueId q = split_heads(node, operands[0], heads);
  ValueId k = split_heads(node, operands[1], groups);
  ValueId v = split_heads(node, operands[2], groups);
  const ValueId queries = node.add(ops::ShapeOf{1, 2}, {node.input(query)});
  const ValueId begins = first_positions(node, queries);
  if (node.integer("do_rotary", 0) != 0) {
    const Rotation by = rotation(node, queries, begins);
    q = rotated(node, q, by);
    k = rotated(node, k, by);
  }
  const int64_t window = node.integer("local_window_size", -1);
  Attention op{.scale = static_cast<float>(node.number("scale", 0)),
               .causal = true,
               .softcap = static_cast<float>(node.number("softcap", 0)),
               .left_window = window > 0 ? window - 1 : -1,  // the query's own position counts
               .q_heads_last = true,
               .k_heads_last = true,
               .v_heads_last = true,
               .y_heads_last = true};
  const bool past = node.has_input(past_key);
  if (past || node.output_used(1) || node.output_used(2)) {
    k = heads_first(node, k);
    v = heads_first(node, v);
    op.k_heads_last = op.v_heads_last = false;
    if (past) {
      k = cached(node, node.input(past_key), k, begins);
      v = cached(node, node.input(past_value), v, begins);
    }
    node.set_output(1, k);
    node.set_output(2, v);
  }
  std::vector<ValueId> inputs = {q, k, v};
  if (node.has_input(attention_bias) || past) {
    inputs.insert(
        inputs.end(),
        {node.has_input(attention_bias) ? node.input(attention_bias) : no_id, no_id, begins});
  }
  const ValueId y = node.add(std::move(op), std::move(inputs));
  node.set_output(0, reshaped(node, y, {0, 0, -1}));
}

}  // namespace drawbar::onnx
