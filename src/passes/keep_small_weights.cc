#include "passes/keep_small_weights.h"

#include <algorithm>
#include <limits>

#include "ops/gather/op.h"
#include "ops/matmul/op.h"
#include "ops/matmul_nbits/op.h"
#include "ops/quantize/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/channel_affine.h"

namespace drawbar {
namespace {

using ops::Function;
using ops::MatMulNBits;

constexpr int64_t least_weights = 1024;
constexpr int64_t least_block = 16, most_block = 1024;  // as kernels have them

/// A constant matrix of small integers that is dequantised to f32.
struct SmallMatrix {
  ValueId numbers_value, scale_value, zero_value;
  const Tensor *numbers, *scales, *zeros;  // zeros: null where there are none
  int64_t axis, block_size;                // of the scales, block_size 0: one for each index
  bool one_scale;
  ops::ScaleMap map;

  int64_t scale_index(int64_t row, int64_t column) const {
    if (one_scale) return 0;
    return axis == 0 ? map.index(0, row, column) : map.index(row, column, 0);
  }
};

std::optional<SmallMatrix> small_matrix(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::DequantizeLinear>(graph, value);
  if (op == nullptr || op->to != ElementType::f32) return {};
  const Node& node = producer(graph, value);
  const ValueId zero = optional_input(node, 2);
  for (ValueId input : {node.inputs[0], node.inputs[1], zero}) {
    if (input != no_id && !graph.value(input).is_constant()) return {};
  }
  const Constant& numbers = *graph.value(node.inputs[0]).constant;
  const ElementType type = numbers.type();
  if (!is_integer(type) || bits(type) > 8 || numbers.shape().size() != 2 ||
      element_count(numbers.shape()) < least_weights ||
      graph.value(node.inputs[1]).constant->type() != ElementType::f32)
    return {};
  SmallMatrix w{node.inputs[0],
                node.inputs[1],
                zero,
                &numbers.tensor(),
                constant_of(graph, node.inputs[1]),
                constant_of(graph, zero),
                op->axis < 0 ? op->axis + 2 : op->axis,
                op->block_size,
                false,
                {}};
  w.one_scale = w.scales->size() == 1;
  if (!w.one_scale)
    w.map = ops::scale_map(w.numbers->shape(), w.scales->shape(), w.axis, w.block_size);
  return w;
}

/// The block size of MatMulNBits that fits within blocks of `block` (0: all of k has one scale) and
/// takes the fewest bytes, 0 where none does.
int64_t block_size_for(int64_t k, int64_t block, int64_t bits) {
  int64_t best = 0, least = std::numeric_limits<int64_t>::max();
  for (int64_t size = least_block; size <= most_block; size *= 2) {
    if (block != 0 && block % size != 0) break;
    const int64_t bytes = (k + size - 1) / size * (size * bits / 8 + 4);
    if (bytes <= least) best = size;
    least = std::min(least, bytes);
  }
  return best;
}

/// The weights as MatMulNBits has them; `transposed` ones are [N, K].
struct NBitsWeights {
  MatMulNBits op;
  Tensor q, scales;
  std::optional<Tensor> zeros;
};

std::optional<NBitsWeights> nbits_weights(const SmallMatrix& w, bool transposed) {
  const int64_t k_axis = transposed ? 1 : 0;
  const bool along_k = !w.one_scale && w.axis == k_axis;
  if (!w.one_scale && along_k != (w.block_size != 0)) return {};
  MatMulNBits op;
  op.k = w.numbers->dim(k_axis);
  op.n = w.numbers->dim(1 - k_axis);
  op.bits = bits(w.numbers->type());
  const bool one_block = !along_k || w.block_size >= op.k;
  op.block_size = block_size_for(op.k, one_block ? 0 : w.block_size, op.bits);
  if (op.block_size == 0) return {};
  const int64_t blocks = op.blocks(), per_byte = 8 / op.bits;
  NBitsWeights result{op, Tensor::allocate(ElementType::u8, {op.n, blocks, op.block_bytes()}),
                      Tensor::allocate(ElementType::f32, {op.n, blocks}), std::nullopt};
  Tensor zeros = Tensor::allocate(ElementType::u8, {op.n, op.zero_bytes()});
  std::fill_n(result.q.data<uint8_t>(), result.q.size(), uint8_t{0});
  std::fill_n(zeros.data<uint8_t>(), zeros.size(), uint8_t{0});
  const int64_t least = ops::integer_range(w.numbers->type()).first,
                middle = int64_t{1} << (op.bits - 1);
  const auto put = [&](uint8_t* line, int64_t index, int64_t number) {
    line[index / per_byte] |=
        static_cast<uint8_t>((number - least) << (index % per_byte * op.bits));
  };
  bool plain = true;  // all zero points are what MatMulNBits takes where it has none
  for (int64_t n = 0; n < op.n; ++n) {
    uint8_t* line = result.q.data<uint8_t>() + n * blocks * op.block_bytes();
    for (int64_t k = 0; k < op.k; ++k)
      put(line, k, read_integer(*w.numbers, transposed ? n * op.k + k : k * op.n + n));
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t k = block * op.block_size;
      const int64_t index = transposed ? w.scale_index(n, k) : w.scale_index(k, n);
      const int64_t zero = w.zeros ? read_integer(*w.zeros, index) : 0;
      result.scales.data<float>()[n * blocks + block] = w.scales->data<float>()[index];
      put(zeros.data<uint8_t>() + n * op.zero_bytes(), block, zero);
      plain &= zero - least == middle;
    }
  }
  if (!plain) result.zeros = std::move(zeros);
  return result;
}

/// Whether the value is dequantised from what is known while running only.
bool is_dequantized(const Graph& graph, ValueId value) {
  return producer_as<ops::DequantizeLinear>(graph, value) &&
         !graph.value(input_of(graph, value)).is_constant();
}

Patch keep_factors(const Graph& graph, NodeId id, const ops::MatMul& product) {
  const Node& node = graph.node(id);
  if (product.transpose_a || product.alpha != 1 || !product.post.empty() ||
      !is_ranked_tensor(graph, node.inputs[0]) ||
      element_of(graph, node.inputs[0]) != ElementType::f32 ||
      is_dequantized(graph, node.inputs[0]))
    return unchanged();
  ValueId weights = node.inputs[1];
  bool transposed = product.transpose_b;
  if (producer_as<ops::Transpose>(graph, weights)) {
    transposed = !transposed;
    weights = input_of(graph, weights);
  }
  const auto matrix = small_matrix(graph, weights);
  if (!matrix) return unchanged();
  auto kept = nbits_weights(*matrix, transposed);
  if (!kept) return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs = {node.inputs[0], patch.constant(std::move(kept->q)),
                                 patch.constant(std::move(kept->scales))};
  if (kept->zeros) inputs.push_back(patch.constant(std::move(*kept->zeros)));
  const ValueId added = optional_input(node, ops::matmul_bias_input);
  const int64_t rank = std::ssize(dims_of(graph, node.inputs[0]));
  std::optional<Tensor> bias;
  if (added != no_id) bias = per_channel_f32(graph, added, rank, rank - 1, kept->op.n);
  if (bias) {
    inputs.resize(MatMulNBits::bias, no_id);
    inputs.push_back(patch.constant(std::move(*bias)));
  }
  ValueId y = patch.add(kept->op, std::move(inputs), node.name);
  if (added != no_id && !bias) y = patch.add(ops::Elementwise(Function::Add), {y, added});
  patch.replace(node.outputs[0], y);
  return patch;
}

/// Add(MatMulNBits without a bias, constant).
Patch keep_bias(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  for (size_t side = 0; side < 2; ++side) {
    const ValueId product = node.inputs[side];
    const auto* op = producer_as<MatMulNBits>(graph, product);
    if (!op || !has_one_reader(graph, product) || !is_ranked_tensor(graph, product) ||
        optional_input(producer(graph, product), MatMulNBits::bias) != no_id)
      continue;
    const int64_t rank = std::ssize(dims_of(graph, product));
    auto bias = per_channel_f32(graph, node.inputs[1 - side], rank, rank - 1, op->n);
    if (!bias) continue;
    Patch patch(graph, id);
    std::vector<ValueId> inputs = producer(graph, product).inputs;
    inputs.resize(MatMulNBits::bias, no_id);
    inputs.push_back(patch.constant(std::move(*bias)));
    patch.replace(node.outputs[0], patch.add(*op, std::move(inputs), node.name));
    return patch;
  }
  return unchanged();
}

/// The scales of rows are gathered as the rows are, and lie in blocks of these.
Patch keep_table(const Graph& graph, NodeId id, const ops::Gather& gather) {
  const Node& node = graph.node(id);
  const auto table = small_matrix(graph, node.inputs[0]);
  if (!table || bits(table->numbers->type()) != 8 || (gather.axis != 0 && gather.axis != -2))
    return unchanged();
  const bool by_rows = !table->one_scale && (table->axis == 0 || table->block_size != 0);
  if (by_rows && table->axis == 0 && table->block_size != 0) return unchanged();
  Patch patch(graph, id);
  const ValueId indices = node.inputs[1];
  const auto rows_of = [&](ValueId value, const Tensor* numbers) {
    if (value == no_id || !by_rows) return value;
    Tensor lines = numbers->rank() == 1 ? numbers->reshaped({numbers->dim(0), 1}) : *numbers;
    return patch.add(gather, {patch.constant(std::move(lines)), indices});
  };
  ops::DequantizeLinear op{.axis = -1};
  if (by_rows) op.block_size = table->block_size != 0 ? table->block_size : table->numbers->dim(1);
  const ValueId bytes = patch.add(gather, {table->numbers_value, indices}, node.name);
  std::vector<ValueId> inputs = {bytes, rows_of(table->scale_value, table->scales)};
  if (table->zero_value != no_id) inputs.push_back(rows_of(table->zero_value, table->zeros));
  patch.replace(node.outputs[0], patch.add(op, std::move(inputs)));
  return patch;
}

}  // namespace

Patch keep_small_weights(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (const auto* product = node.op.as<ops::MatMul>()) return keep_factors(graph, id, *product);
  if (const auto* gather = node.op.as<ops::Gather>()) return keep_table(graph, id, *gather);
  const auto* op = node.op.as<ops::Elementwise>();
  return op && op->function == Function::Add ? keep_bias(graph, id) : unchanged();
}

}  // namespace drawbar
