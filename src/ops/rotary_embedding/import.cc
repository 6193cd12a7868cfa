#include "ops/reshape/import.h"

#include "ops/reshape/op.h"
#include "ops/rotary_embedding/op.h"

namespace drawbar::onnx {
namespace {

using ops::RotaryEmbedding;

/// [B, S, H · D] → [B, S, H, D]. The heads are counted or, where `heads` is 0, known by their size.
ValueId split_heads(OnnxNode& node, ValueId x, int64_t heads, const Dim& size) {
  const Dim& hidden = node.value(x).type.tensor.dims[2];
  if (heads == 0 && (!size.is_constant() || size.value() == 0)) {
    fail(ErrorCode::invalid_model, "x has rank 3, but num_heads is missing");
  }
  const int64_t part = heads == 0 ? size.value() : heads;
  if (hidden.is_constant() && hidden.value() % part != 0) {
    fail(ErrorCode::invalid_model, "x has {} columns, which {} {} do not divide", hidden.value(),
         part, heads == 0 ? "of a head" : "heads");
  }
  return heads == 0 ? reshaped(node, x, {0, 0, -1, part}) : reshaped(node, x, {0, 0, part, -1});
}

/// `head_size` is used where x has rank 3 and the node does not say how many heads it has.
void import_rotary(OnnxNode& node, std::vector<ValueId> inputs, const Dim& head_size) {
  RotaryEmbedding op{.rotated = node.integer("rotary_embedding_dim", 0),
                     .interleaved = node.integer("interleaved", 0) != 0};
  const TensorType& x = node.value(inputs[0]).type.tensor;
  if (!x.ranked) fail(ErrorCode::unsupported, "x has no known rank");
  if (x.rank() != 3 && x.rank() != 4) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected 3 or 4", x.rank());
  }
  const int64_t heads = node.integer("num_heads", 0);
  if (heads < 0) {
    fail(ErrorCode::invalid_model, "num_heads is {}, expected at least 0", heads);
  }
  if (x.rank() == 4) return node.replace_with(op, std::move(inputs));
  op.heads_last = true;
  inputs[0] = split_heads(node, inputs[0], heads, head_size);
  node.set_output(0, reshaped(node, node.add(op, std::move(inputs)), {0, 0, -1}));
}

}  // namespace

ONNX_OP(RotaryEmbedding) { import_rotary(node, node.inputs_padded(3), Dim(0)); }

/// `scale` and `is_packed_batching` do not change the answer: the one is for caches that would have
/// to grow, the other allows more rows than the caches have lines, and all positions are checked
/// here anyway.
ONNX_MICROSOFT_OP(RotaryEmbedding) {
  std::vector<ValueId> given = node.inputs_padded(4);
  const TensorType& positions = node.value(given[1]).type.tensor;
  if (positions.ranked && positions.rank() == 0) {
    given[1] = node.add(ops::Unsqueeze{{0}}, {given[1]});
  }
  const TensorType& cos = node.value(given[2]).type.tensor;
  const bool whole = cos.ranked && cos.rank() == 2 && node.integer("rotary_embedding_dim", 0) == 0;
  const Dim head_size = whole ? Dim(2) * cos.dims[1] : Dim(0);
  import_rotary(node, {given[0], given[2], given[3], given[1]}, head_size);
}

}  // namespace drawbar::onnx
