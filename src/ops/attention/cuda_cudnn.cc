#include "ops/attention/cuda_cudnn.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/attention/op.h"

// Attention by cuDNN's fused kernels. The graph is the one that they are found by (cuDNN's
// documentation, "Graph API", "Supported Graph Patterns", "Fused Flash Attention fprop"):
//
//     p = q·kᵀ · scale [+ mask] [row + offset >= column ? p : -infinity]
//     m = max(p); e = exp(p - m); z = sum(e); statistics = m + log(z); s = e / z; y = s·v
//
// where nothing reads the statistics, and s is of q's type.

namespace drawbar::cuda {
namespace {

using ops::Attention;
using ops::AttentionSizes;

const Attention& op_of(const Problem& problem) { return *problem.op.as<Attention>(); }

bool has_input(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

AttentionSizes sizes_of(const Problem& problem) {
  const auto& in = problem.inputs;
  return ops::attention_sizes(
      op_of(problem), in[Attention::q].shape, in[Attention::k].shape, in[Attention::v].shape,
      has_input(problem, Attention::mask) ? &in[Attention::mask].shape : nullptr);
}

bool has_operands(const Problem& problem) {
  const Attention& op = op_of(problem);
  const ElementType type = problem.inputs[0].type;
  if (!is_half(type) || op.softcap != 0 || op.left_window >= 0 || op.right_window >= 0 ||
      has_input(problem, Attention::lengths) ||
      (problem.outputs.size() > 1 && problem.outputs[1].present)) {
    return false;
  }
  // Probabilities are rounded to q's type.
  if (problem.strict) return false;
  const Operand &k = problem.inputs[Attention::k], &v = problem.inputs[Attention::v];
  if (k.type != type || v.type != type || problem.outputs[0].type != type) return false;
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && operand.layout != Layout::row_major) return false;
    }
  }
  return true;
}

/// The position of the first query where it is known; 0 where the operator does not ask for it.
std::optional<int64_t> known_offset(const Problem& problem) {
  if (!op_of(problem).causal || !has_input(problem, Attention::offset)) return 0;
  const ConstantPtr& constant = problem.inputs[Attention::offset].constant;
  if (!constant) return std::nullopt;
  const auto values = constant->tensor().values<int64_t>();
  const int64_t first = values.empty() ? 0 : values[0];
  const bool same =
      std::all_of(values.begin(), values.end(), [&](int64_t value) { return value == first; });
  if (!same || first < 0 || first > std::numeric_limits<int32_t>::max() / 2) return std::nullopt;
  return first;
}

/// Whether each row of a mask has a key that its first query may attend: without one cuDNN's
/// softmax has no number, where the operator has zeros.
bool leaves_keys(const Problem& problem, const AttentionSizes& sizes, int64_t offset) {
  const Tensor& mask = problem.inputs[Attention::mask].constant->tensor();
  const auto* halves = static_cast<const uint16_t*>(mask.raw());
  const bool ieee = mask.type() == ElementType::f16;
  const bool by_row = sizes.mask.row != 0;
  for (int64_t row = 0; row < mask.size() / sizes.keys; ++row) {
    int64_t keys = sizes.keys;
    if (op_of(problem).causal)
      keys = std::min(keys, offset + (by_row ? row % sizes.queries : 0) + 1);
    bool some = false;
    for (int64_t t = 0; t < keys && !some; ++t) {
      const uint16_t bits = halves[row * sizes.keys + t];
      some = std::isfinite(ieee ? half_to_float(bits) : bfloat_to_float(bits));
    }
    if (!some) return false;
  }
  return true;
}

bool takes_mask(const Problem& problem, const AttentionSizes& sizes, int64_t offset) {
  if (!has_input(problem, Attention::mask)) return true;
  const Operand& mask = problem.inputs[Attention::mask];
  return mask.type == problem.inputs[0].type && mask.constant && sizes.mask_keys == sizes.keys &&
         leaves_keys(problem, sizes, offset);
}

Shape strides_of(const AttentionSizes::Strides& strides) {
  return {strides.batch, strides.head, strides.row, 1};
}

/// Adds the operations of one attention.
class Builder {
 public:
  Builder(const Problem& problem, const AttentionSizes& sizes, int64_t offset)
      : problem_(problem), sizes_(sizes), type_(cudnn_type(problem.inputs[0].type)) {
    node_.rules.without = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC,
                           CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION};
    int64_t scores = multiply_scores();
    if (has_input(problem, Attention::mask)) scores = add_mask(scores);
    if (op_of(problem).causal) scores = hide_later_keys(scores, offset);
    const int64_t v =
        operand(Attention::v, {sizes.batch, sizes.groups, sizes.keys, sizes.value_size},
                strides_of(sizes.v));
    const int64_t probabilities = softmax(scores);
    const int64_t y = node_.add_operand(
        {type_, {sizes.batch, sizes.heads, sizes.queries, sizes.value_size}, strides_of(sizes.y)},
        output(problem, 0));
    node_.add({.kind = CudnnOperation::Kind::matmul, .x = probabilities, .b = v, .y = y});
  }

  CudnnNode take() && { return std::move(node_); }

 private:
  int64_t operand(size_t i, Shape sizes, Shape strides) {
    return node_.add_operand({type_, std::move(sizes), std::move(strides)}, input(problem_, i));
  }
  /// A score per query and key.
  int64_t matrix(cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    const int64_t row = sizes_.keys, head = sizes_.queries * row;
    return node_.add_between(type, {sizes_.batch, sizes_.heads, sizes_.queries, sizes_.keys},
                             {sizes_.heads * head, head, row, 1});
  }
  /// A number per query.
  int64_t column() {
    return node_.add_between(CUDNN_DATA_FLOAT, {sizes_.batch, sizes_.heads, sizes_.queries, 1},
                             {sizes_.heads * sizes_.queries, sizes_.queries, 1, 1});
  }
  int64_t pointwise(cudnnPointwiseMode_t mode, int64_t x, int64_t b, int64_t y) {
    return node_.add({.x = x, .b = b, .y = y, .mode = mode});
  }

  int64_t multiply_scores() {
    const Attention& op = op_of(problem_);
    const float scale = op.scale != 0 ? op.scale : 1 / std::sqrt(static_cast<float>(sizes_.size));
    const int64_t q =
        operand(Attention::q, {sizes_.batch, sizes_.heads, sizes_.queries, sizes_.size},
                strides_of(sizes_.q));
    const int64_t k = operand(Attention::k, {sizes_.batch, sizes_.groups, sizes_.size, sizes_.keys},
                              {sizes_.k.batch, sizes_.k.head, 1, sizes_.k.row});
    const int64_t product =
        node_.add({.kind = CudnnOperation::Kind::matmul, .x = q, .b = k, .y = matrix()});
    return pointwise(CUDNN_POINTWISE_MUL, product, node_.add_number(scale, 4), matrix());
  }

  int64_t add_mask(int64_t scores) {
    const auto size = [](int64_t step, int64_t whole) { return step == 0 ? 1 : whole; };
    const AttentionSizes::Strides& step = sizes_.mask;
    const Shape sizes = {size(step.batch, sizes_.batch), size(step.head, sizes_.heads),
                         size(step.row, sizes_.queries), sizes_.keys};
    const int64_t row = sizes[3], head = sizes[2] * row;
    const int64_t mask = operand(Attention::mask, sizes, {sizes[1] * head, head, row, 1});
    return pointwise(CUDNN_POINTWISE_ADD, scores, mask, matrix());
  }

  int64_t hide_later_keys(int64_t scores, int64_t offset) {
    const auto index = [&](int64_t axis) {
      return node_.add({.x = scores,
                        .y = matrix(CUDNN_DATA_INT32),
                        .mode = CUDNN_POINTWISE_GEN_INDEX,
                        .compute = CUDNN_DATA_INT32,
                        .axis = axis});
    };
    int64_t row = index(2);
    const int64_t column = index(3);
    if (offset != 0) {
      row = node_.add({.x = row,
                       .b = node_.add_number(static_cast<int32_t>(offset), 4),
                       .y = matrix(CUDNN_DATA_INT32),
                       .mode = CUDNN_POINTWISE_ADD,
                       .compute = CUDNN_DATA_INT32});
    }
    const int64_t attended = node_.add({.x = row,
                                        .b = column,
                                        .y = matrix(CUDNN_DATA_BOOLEAN),
                                        .mode = CUDNN_POINTWISE_CMP_GE,
                                        .compute = CUDNN_DATA_BOOLEAN});
    const int64_t hidden = node_.add_number(-std::numeric_limits<float>::infinity(), 4);
    return node_.add({.x = scores,
                      .b = hidden,
                      .y = matrix(),
                      .mode = CUDNN_POINTWISE_BINARY_SELECT,
                      .third = attended});
  }

  int64_t softmax(int64_t scores) {
    const auto reduce = [&](cudnnReduceTensorOp_t reduction, int64_t x) {
      return node_.add(
          {.kind = CudnnOperation::Kind::reduction, .x = x, .y = column(), .reduction = reduction});
    };
    const int64_t largest = reduce(CUDNN_REDUCE_TENSOR_MAX, scores);
    const int64_t below = pointwise(CUDNN_POINTWISE_SUB, scores, largest, matrix());
    const int64_t powers = pointwise(CUDNN_POINTWISE_EXP, below, 0, matrix());
    const int64_t sum = reduce(CUDNN_REDUCE_TENSOR_ADD, powers);
    const int64_t logarithm = pointwise(CUDNN_POINTWISE_LOG, sum, 0, column());
    pointwise(CUDNN_POINTWISE_ADD, largest, logarithm, column());
    return pointwise(CUDNN_POINTWISE_DIV, powers, sum, matrix(type_));
  }

  const Problem& problem_;
  const AttentionSizes& sizes_;
  cudnnDataType_t type_;
  CudnnNode node_;
};

/// The first one whose fused attention has no known errors on Hopper: 9.10.2.
constexpr size_t oldest_version = 91002;

bool applies(const Problem& problem) {
  if (!has_cudnn(problem.gpu) || cudnn().cudnnGetVersion_() < oldest_version) return false;
  const std::optional<CudnnNode> node = cudnn_attention(problem);
  return node && has_cudnn_plan(*node, problem);
}

double seconds(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const double scores = static_cast<double>(sizes.batch * sizes.heads) *
                        static_cast<double>(sizes.queries) * static_cast<double>(sizes.keys);
  const double rates = problem.gpu.half_operations / problem.gpu.f32_operations;
  const double share = (op_of(problem).causal && sizes.queries > 1 ? 0.8 : 0.4) * rates;
  return streaming_seconds(problem,
                           2 * scores * static_cast<double>(sizes.size + sizes.value_size) / share);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  return make_cudnn_kernel(*cudnn_attention(problem), problem);
}

DRAWBAR_CUDA_TACTIC(cudnn, .op = "Attention", .name = "attention_cudnn", .applies = applies,
                    .seconds = seconds, .make = make, .needs_device = true, .plans_long = true);

}  // namespace

std::optional<CudnnNode> cudnn_attention(const Problem& problem) {
  if (!has_operands(problem)) return std::nullopt;
  const std::optional<int64_t> offset = known_offset(problem);
  if (!offset) return std::nullopt;
  const AttentionSizes sizes = sizes_of(problem);
  if (!takes_mask(problem, sizes, *offset)) return std::nullopt;
  return Builder(problem, sizes, *offset).take();
}

}  // namespace drawbar::cuda
