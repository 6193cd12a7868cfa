#include "ops/multi_head_attention/import.h"

#include "base/checked.h"
#include "ops/attention/op.h"
#include "ops/cast/op.h"
#include "ops/concat/op.h"
#include "ops/matmul/op.h"
#include "ops/pointwise/op.h"
#include "ops/reshape/op.h"
#include "ops/shape/op.h"
#include "ops/split/op.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {

using ops::Attention;
using ops::Elementwise;
using ops::Function;

std::vector<ValueId> split(OnnxNode& node, ValueId x, int64_t axis, std::vector<int64_t> sizes) {
  const size_t count = sizes.size();
  return node.add_all(ops::Split{axis, std::move(sizes)}, {x}, count);
}

TensorType ranked_type(const OnnxNode& node, ValueId x, std::string_view what) {
  const Type& type = node.value(x).type;
  if (!type.is_tensor()) fail(ErrorCode::invalid_model, "{} is no tensor", what);
  if (!type.tensor.ranked) fail(ErrorCode::unsupported, "{} has no known rank", what);
  return type.tensor;
}

int64_t known_dim(const TensorType& type, size_t axis, std::string_view what) {
  if (axis >= type.dims.size()) {
    fail(ErrorCode::invalid_model, "{} has rank {}, expected more than {}", what, type.dims.size(),
         axis);
  }
  if (!type.dims[axis].is_constant()) {
    fail(ErrorCode::unsupported, "dimension {} of {} must be a number, it is {}", axis, what,
         type.dims[axis].str());
  }
  return type.dims[axis].value();
}

namespace {

/// Queries, keys and values, [B, heads, rows, size] or with heads behind the rows.
struct Operands {
  ValueId q = no_id, k = no_id, v = no_id;
  bool q_heads_last = true, k_heads_last = true, v_heads_last = true;
};

ValueId scalar(OnnxNode& node, ElementType element, double value) {
  Tensor tensor = Tensor::allocate(element, {});
  write_number(tensor, 0, value);
  return node.constant_value(std::move(tensor));
}

ValueId add(OnnxNode& node, ValueId a, ValueId b) {
  return node.add(Elementwise(Function::Add), {a, b});
}

/// The keys that a mask of one dimension lets be attended, bool [B, keys]: those before mask[b],
/// and in the form of 2 · B numbers not before mask[B + b].
ValueId between(OnnxNode& node, ValueId mask, const Dim& batch, ValueId keys) {
  const Dim& count = node.value(mask).type.tensor.dims[0];
  const bool starts = count == batch * Dim(2);
  if (count.is_constant() && batch.is_constant() && !starts && count != batch) {
    fail(ErrorCode::unsupported, "a mask of {} numbers for a batch of {}", count.str(),
         batch.str());
  }
  const ValueId zero = scalar(node, ElementType::i64, 0), one = scalar(node, ElementType::i64, 1);
  const ValueId positions = node.add(ops::NumberRange{}, {zero, keys, one});
  const ValueId limits = reshaped(node, node.add(ops::Cast{ElementType::i64}, {mask}),
                                  {starts ? 2 : 1, -1, 1});  // [1 or 2, B, 1]
  if (!starts) {
    const ValueId ends = node.add(ops::Squeeze{{0}}, {limits});
    return node.add(Elementwise(Function::Less), {positions, ends});
  }
  const std::vector<ValueId> parts = split(node, limits, 0, {1, 1});
  const ValueId ends = node.add(ops::Squeeze{{0}}, {parts[0]});
  const ValueId begins = node.add(ops::Squeeze{{0}}, {parts[1]});
  return node.add(Elementwise(Function::And),
                  {node.add(Elementwise(Function::Less), {positions, ends}),
                   node.add(Elementwise(Function::GreaterOrEqual), {positions, begins})});
}

/// What a mask of integers adds to the scores, broadcast to [B, heads, queries, keys]: 0 or, where
/// a key is not to be attended, `mask_filter_value`. That is a number: a query without any key to
/// attend attends them all. no_id: nothing is masked.
ValueId added_mask(OnnxNode& node, ValueId mask, const Operands& to, const Dim& batch) {
  if (mask == no_id) return no_id;
  const TensorType type = ranked_type(node, mask, "the mask");
  if (!is_integer(type.element)) {
    fail(ErrorCode::invalid_model, "the mask is {}, expected integers", name(type.element));
  }
  if (type.rank() < 1 || type.rank() > 3) {
    fail(ErrorCode::unsupported, "a mask of rank {}", type.rank());
  }
  const int64_t rank = type.rank();
  if (rank == 2 && type.dims[1] == Dim(1)) return no_id;  // all keys alike
  ValueId attended;
  if (rank == 1) {
    const int64_t axis = to.k_heads_last ? 1 : 2;
    attended = between(node, mask, batch, node.add(ops::ShapeOf{axis, axis + 1}, {to.k}));
  } else {
    attended = node.add(Elementwise(Function::Greater), {mask, scalar(node, type.element, 0)});
  }
  const std::vector<int64_t> axes =
      rank == 3 ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 2};
  attended = node.add(ops::Unsqueeze{axes}, {attended});
  const ElementType element = node.value(to.q).type.tensor.element;
  return node.add(Elementwise(Function::Where),
                  {attended, scalar(node, element, 0),
                   scalar(node, element, node.number("mask_filter_value", -10000))});
}

/// Keys or values behind those of earlier steps, with the heads first as caches have them.
void append(OnnxNode& node, ValueId past, ValueId& now, bool& heads_last) {
  if (heads_last) now = heads_first(node, now);
  heads_last = false;
  if (past != no_id) now = node.add(ops::Concat{2}, {past, now});
}

/// The node's own attention, once keys and values are whole. `past` is what they began with.
void answer(OnnxNode& node, const Operands& operands, const Dim& batch, ValueId past, size_t mask,
            size_t bias) {
  const TensorType& q = node.value(operands.q).type.tensor;
  const Dim& queries = q.dims[operands.q_heads_last ? 1 : 2];
  // One query sees all keys, wherever it stands.
  const bool causal = node.integer("unidirectional", 0) != 0 && queries != Dim(1);
  ValueId added =
      added_mask(node, node.has_input(mask) ? node.input(mask) : no_id, operands, batch);
  if (node.has_input(bias)) {
    const ValueId given = node.input(bias);
    const int64_t rank = ranked_type(node, given, "the attention bias").rank();
    if (rank != 4) {
      fail(ErrorCode::invalid_model, "the attention bias has rank {}, expected 4", rank);
    }
    added = added == no_id ? given : add(node, given, added);
  }
  std::vector<ValueId> inputs = {operands.q, operands.k, operands.v};
  const ValueId offset = causal && past != no_id ? node.add(ops::ShapeOf{2, 3}, {past}) : no_id;
  if (added != no_id || offset != no_id) inputs.insert(inputs.end(), {added, no_id, offset});
  const ValueId y = node.add(Attention{.scale = static_cast<float>(node.number("scale", 0)),
                                       .causal = causal,
                                       .q_heads_last = operands.q_heads_last,
                                       .k_heads_last = operands.k_heads_last,
                                       .v_heads_last = operands.v_heads_last,
                                       .y_heads_last = true},
                             std::move(inputs));
  node.set_output(0, reshaped(node, y, {0, 0, -1}));
}

/// [B, rows, heads, parts, size] → its parts, [B, rows, heads, size].
std::vector<ValueId> unpacked(OnnxNode& node, ValueId packed, int64_t parts) {
  const int64_t found = known_dim(node.value(packed).type.tensor, 3, "the packed input");
  if (found != parts) {
    fail(ErrorCode::invalid_model, "the packed input has {} parts, expected {}", found, parts);
  }
  std::vector<ValueId> results =
      split(node, packed, 3, std::vector<int64_t>(static_cast<size_t>(parts), 1));
  for (ValueId& result : results) result = node.add(ops::Squeeze{{3}}, {result});
  return results;
}

/// The biases of queries, keys and values out of [D + D + E]; [D] has that of queries alone.
std::vector<ValueId> split_bias(OnnxNode& node, ValueId bias, int64_t size) {
  const int64_t whole = known_dim(ranked_type(node, bias, "bias"), 0, "bias");
  if (whole == size) return {bias};
  if (size < 1 || whole - size <= size) {
    fail(ErrorCode::invalid_model, "bias has {} numbers, expected {} or more than twice as many",
         whole, size);
  }
  return split(node, bias, 0, {size, size, whole - size - size});
}

/// Queries, keys and values of MultiHeadAttention in whichever form they come.
Operands operands_of(OnnxNode& node, int64_t heads) {
  enum : size_t { query, key, value, bias };
  Operands result;
  const TensorType q_type = ranked_type(node, node.input(query), "query");
  const bool biased = node.has_input(bias);
  if (!node.has_input(key)) {
    if (q_type.rank() != 5 || node.has_input(value)) {
      fail(ErrorCode::unsupported,
           "without key, query must have rank 5 and value must be absent; query has rank {}",
           q_type.rank());
    }
    std::vector<ValueId> parts = unpacked(node, node.input(query), 3);
    if (biased) {
      const int64_t size = known_dim(q_type, 4, "query");
      const std::vector<ValueId> biases =
          split_bias(node, node.input(bias), checked_mul(heads, size));
      for (size_t i = 0; i < biases.size(); ++i) {
        parts[i] = add(node, parts[i], reshaped(node, biases[i], {heads, -1}));
      }
    }
    return {parts[0], parts[1], parts[2]};
  }
  if (q_type.rank() != 3) {
    fail(ErrorCode::invalid_model, "query has rank {}, expected 3", q_type.rank());
  }
  const int64_t k_rank = ranked_type(node, node.input(key), "key").rank();
  if (k_rank < 3 || k_rank > 5 || (k_rank == 5) == node.has_input(value)) {
    fail(ErrorCode::invalid_model, "key has rank {}, expected 3 or 4 with a value and 5 without",
         k_rank);
  }
  std::vector<ValueId> flat = {node.input(query), node.input(key),
                               k_rank == 5 ? no_id : node.input(value)};
  if (biased && k_rank == 5) fail(ErrorCode::unsupported, "a bias with packed keys and values");
  if (biased) {
    const std::vector<ValueId> biases =
        split_bias(node, node.input(bias), known_dim(q_type, 2, "query"));
    const size_t count = k_rank == 3 ? biases.size() : 1;
    for (size_t i = 0; i < count; ++i) flat[i] = add(node, flat[i], biases[i]);
  }
  result.q = split_heads(node, flat[0], heads);
  if (k_rank == 3) {
    result.k = split_heads(node, flat[1], heads);
    result.v = split_heads(node, flat[2], heads);
  } else if (k_rank == 4) {
    result.k = flat[1];
    result.v = flat[2];
    result.k_heads_last = result.v_heads_last = false;
  } else {
    const std::vector<ValueId> parts = unpacked(node, flat[1], 2);
    result.k = parts[0];
    result.v = parts[1];
  }
  return result;
}

}  // namespace

ONNX_MICROSOFT_OP(MultiHeadAttention) {
  enum : size_t { query, padding = 4, attention_bias, past_key, past_value, past_length, beams };
  if (node.has_input(past_length) || node.has_input(beams)) {
    fail(ErrorCode::unsupported, "caches that past and present share");
  }
  if (node.has_input(past_key) != node.has_input(past_value)) {
    fail(ErrorCode::invalid_model, "past_key and past_value must be given together");
  }
  Operands operands = operands_of(node, head_count(node, "num_heads"));
  const Dim batch = node.value(node.input(query)).type.tensor.dims[0];
  const bool past = node.has_input(past_key);
  const bool present = node.output_used(1) || node.output_used(2);
  if (past || present) {
    append(node, past ? node.input(past_key) : no_id, operands.k, operands.k_heads_last);
    append(node, past ? node.input(past_value) : no_id, operands.v, operands.v_heads_last);
    node.set_output(1, operands.k);
    node.set_output(2, operands.v);
  }
  answer(node, operands, batch, past ? node.input(past_key) : no_id, padding, attention_bias);
}

/// The projections are split by weights: those are constants, whose parts are made once.
ONNX_MICROSOFT_OP(Attention) {
  enum : size_t { input, weights, bias, mask, past, attention_bias, past_length };
  if (node.integer("do_rotary", 0) != 0) fail(ErrorCode::unsupported, "do_rotary");
  if (node.has_input(past_length) || node.integer("past_present_share_buffer", 0) != 0) {
    fail(ErrorCode::unsupported, "caches that past and present share");
  }
  const int64_t heads = head_count(node, "num_heads");
  const TensorType x = ranked_type(node, node.input(input), "input");
  if (x.rank() != 3) fail(ErrorCode::invalid_model, "input has rank {}, expected 3", x.rank());
  const int64_t columns =
      known_dim(ranked_type(node, node.input(weights), "weights"), 1, "weights");
  std::vector<int64_t> sizes = node.integers("qkv_hidden_sizes");
  if (sizes.empty()) sizes.assign(3, columns / 3);
  if (sizes.size() != 3 || sizes[0] != sizes[1] || sizes[0] < 1 || sizes[2] < 1) {
    fail(ErrorCode::invalid_model,
         "qkv_hidden_sizes is [{}], expected three of at least 1, the first two equal",
         fmt::join(sizes, ", "));
  }
  const std::vector<ValueId> matrices = split(node, node.input(weights), 1, sizes);
  std::vector<ValueId> biases(3, no_id);
  if (node.has_input(bias)) biases = split(node, node.input(bias), 0, sizes);
  std::vector<ValueId> projected;
  for (size_t i = 0; i < 3; ++i) {
    std::vector<ValueId> inputs = {node.input(input), matrices[i]};
    if (biases[i] != no_id) inputs.push_back(biases[i]);
    projected.push_back(split_heads(node, node.add(ops::MatMul{}, std::move(inputs)), heads));
  }
  Operands operands{projected[0], projected[1], projected[2]};
  std::vector<ValueId> caches(2, no_id);
  if (node.has_input(past)) {
    caches = split(node, node.input(past), 0, {1, 1});
    for (ValueId& cache : caches) cache = node.add(ops::Squeeze{{0}}, {cache});
  }
  if (node.has_input(past) || node.output_used(1)) {
    append(node, caches[0], operands.k, operands.k_heads_last);
    append(node, caches[1], operands.v, operands.v_heads_last);
  }
  if (node.output_used(1)) {
    node.set_output(1, node.add(ops::Concat{0}, {node.add(ops::Unsqueeze{{0}}, {operands.k}),
                                                 node.add(ops::Unsqueeze{{0}}, {operands.v})}));
  }
  answer(node, operands, x.dims[0], caches[0], mask, attention_bias);
}

}  // namespace drawbar::onnx
