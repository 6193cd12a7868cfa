#include "ops/conv/cuda_cudnn.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "ops/conv/op.h"
#include "targets/cuda/libraries/availability.h"

// Convolution by cuDNN, with the bias and the post program fused behind it: cuDNN's documentation,
// "Graph API", "Supported Graph Patterns". Sums are in f32; tensors between the operations too.

namespace drawbar::cuda {
namespace {

using ops::Conv;
using ops::Function;
using ops::Instruction;
using ops::Program;

const Conv& op_of(const Problem& problem) { return *problem.op.as<Conv>(); }

bool has_bias(const Problem& problem) {
  return problem.inputs.size() > 2 && problem.inputs[2].present;
}

bool is_last(const Problem& problem) { return problem.inputs[0].layout == Layout::channels_last; }

/// One spatial dimension is the second one of two.
Shape planar(Shape shape) {
  if (shape.size() == 3) shape.insert(shape.begin() + 2, 1);
  return shape;
}

Shape dense_strides(const Shape& sizes, bool last) {
  Shape strides(sizes.size());
  int64_t stride = 1;
  const auto place = [&](size_t axis) {
    strides[axis] = stride;
    stride *= sizes[axis];
  };
  if (last) place(1);
  for (size_t axis = sizes.size(); axis-- > 0;) {
    if (!last || axis != 1) place(axis);
  }
  return strides;
}

/// Sizes as cuDNN broadcasts them: as many dimensions as y has.
Shape filled(const Operand& operand, size_t rank) {
  Shape sizes = operand.shape;
  sizes.insert(sizes.begin(), rank - sizes.size(), 1);
  return sizes;
}

/// Whether the operand lies in memory as a dense one of these (its own) sizes does.
bool is_dense(const Operand& operand, const Shape& sizes, bool last) {
  const Shape dense = dense_strides(sizes, last), strides = operand.strides();
  const size_t front = sizes.size() - strides.size();
  for (size_t i = 0; i < strides.size(); ++i) {
    if (operand.shape[i] != 1 && strides[i] != dense[front + i]) return false;
  }
  return true;
}

/// The operation of a step of the program, without its tensors.
std::optional<CudnnOperation> operation_of(const Instruction& step) {
  CudnnOperation result;
  switch (step.function) {
    case Function::Add:
      result.mode = CUDNN_POINTWISE_ADD;
      return result;
    case Function::Mul:
      result.mode = CUDNN_POINTWISE_MUL;
      return result;
    case Function::Relu:
      result.mode = CUDNN_POINTWISE_RELU_FWD;
      return result;
    case Function::Clip:
      if (step.p != 0 || !(step.q > 0)) return std::nullopt;
      result.mode = CUDNN_POINTWISE_RELU_FWD;
      result.upper = std::isinf(step.q) ? 0 : step.q;
      return result;
    case Function::Sigmoid:
      result.mode = CUDNN_POINTWISE_SIGMOID_FWD;
      return result;
    case Function::Tanh:
      result.mode = CUDNN_POINTWISE_TANH_FWD;
      return result;
    case Function::Swish:
      result.mode = CUDNN_POINTWISE_SWISH_FWD;
      result.beta = step.p;
      return result;
    case Function::Gelu:
      result.mode = CUDNN_POINTWISE_GELU_FWD;
      return result;
    case Function::GeluTanh:
      result.mode = CUDNN_POINTWISE_GELU_APPROX_TANH_FWD;
      return result;
    default:
      return std::nullopt;
  }
}

/// Whether cuDNN's form of the function errs no more than the last bits of f32: others are
/// approximations whose error it does not state.
bool is_exact(Function function) {
  return function == Function::Add || function == Function::Mul || function == Function::Relu ||
         function == Function::Clip;
}

bool has_operands(const Problem& problem) {
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  if ((x.type != ElementType::f32 && !is_half(x.type)) || x.rank() < 3 || x.rank() > 5 ||
      y.type != x.type || x.layout != y.layout || w.layout != Layout::row_major) {
    return false;
  }
  const bool last = is_last(problem);
  if (!is_dense(x, x.shape, last) || !is_dense(y, y.shape, last)) return false;
  if (w.type != x.type && !(x.type == ElementType::f32 && is_half(w.type))) return false;
  for (size_t i = 2; i < problem.inputs.size(); ++i) {
    const Operand& more = problem.inputs[i];
    if (!more.present) continue;
    if (more.type != x.type || more.rank() > y.rank()) return false;
    if (i > 2 && !is_dense(more, filled(more, y.shape.size()), last)) return false;
  }
  return true;
}

/// Weights [M, C, k1…] in the order [M, C, k1…] or [M, k1…, C] are the same memory.
bool has_one_order(const Shape& w) {
  return w[1] == 1 || element_count({w.begin() + 2, w.end()}) == 1;
}

bool must_pack(const Problem& problem) {
  const Operand& w = problem.inputs[1];
  return w.type != problem.inputs[0].type || (is_last(problem) && !has_one_order(w.shape));
}

CudnnRules rules_for(const Problem& problem) {
  CudnnRules rules;
  rules.without = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC,
                   CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, CUDNN_NUMERICAL_NOTE_FFT,
                   CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13};
  const auto refuse = [&](std::initializer_list<cudnnBackendNumericalNote_t> notes) {
    rules.without.insert(rules.without.end(), notes);
  };
  const bool half = is_half(problem.inputs[0].type), tf32 = !half && takes_tf32(problem);
  if (half || tf32 || problem.strict) {
    refuse({CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4,
            CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6});
  }
  // Tensor cores have no f32: they multiply it in TF32, or in halves where inputs are converted.
  if (!half) refuse({CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS});
  if (!half && !tf32) refuse({CUDNN_NUMERICAL_NOTE_TENSOR_CORE});
  return rules;
}

/// Adds the operations, of which the last one gives y.
class Builder {
 public:
  explicit Builder(const Problem& problem)
      : problem_(problem),
        post_(op_of(problem).post),
        last_(is_last(problem)),
        type_(cudnn_type(problem.inputs[0].type)),
        sizes_(planar(problem.outputs[0].shape)),
        values_(static_cast<size_t>(post_.values())),
        extras_(static_cast<size_t>(post_.inputs)) {
    left_ = 1 + (has_bias(problem) ? 1 : 0) + post_.instructions.size();
    node_.rules = rules_for(problem);
  }

  std::optional<CudnnNode> build() && {
    int64_t sum = convolve();
    // cuDNN's precompiled engines add first what has y's shape, then the bias.
    const size_t residual = has_bias(problem_) ? residual_behind_bias() : 0;
    if (residual != 0) sum = add(sum, extra(residual));
    if (has_bias(problem_)) sum = add(sum, bias());
    values_[residual != 0 ? extras_.size() : 0] = sum;
    for (size_t i = residual != 0 ? 1 : 0; i < post_.instructions.size(); ++i) {
      const int64_t value = apply(post_.instructions[i]);
      if (value == 0) return std::nullopt;
      values_[extras_.size() + i] = value;
    }
    return std::move(node_);
  }

 private:
  int64_t tensor(const Shape& sizes, Argument argument) {
    return node_.add_operand({type_, planar(sizes), dense_strides(planar(sizes), last_)}, argument);
  }
  /// What the next operation gives.
  int64_t next() {
    if (--left_ == 0) return tensor(problem_.outputs[0].shape, output(problem_, 0));
    return node_.add_between(CUDNN_DATA_FLOAT, sizes_, dense_strides(sizes_, last_));
  }
  /// The program's input i, which is the node's i + 2.
  int64_t extra(size_t i) {
    if (extras_[i] == 0) {
      extras_[i] = tensor(filled(problem_.inputs[i + 2], problem_.outputs[0].shape.size()),
                          input(problem_, i + 2));
    }
    return extras_[i];
  }
  int64_t bias() {
    Shape sizes(problem_.outputs[0].shape.size(), 1);
    sizes[1] = problem_.outputs[0].shape[1];
    return tensor(sizes, input(problem_, 2));
  }
  /// Adds an operation that lacks only what it gives.
  int64_t give(CudnnOperation operation) {
    operation.y = next();
    return node_.add(std::move(operation));
  }
  int64_t add(int64_t x, int64_t more) {
    return give({.x = x, .b = more, .mode = CUDNN_POINTWISE_ADD});
  }

  int64_t convolve() {
    const Operand &x = problem_.inputs[0], &w = problem_.inputs[1];
    ops::Window window = ops::convolution_window(op_of(problem_), w.shape);
    window.resolve_pads(std::span(x.shape).subspan(2));
    if (window.rank() == 1) {
      for (auto* list : {&window.strides, &window.dilations}) list->insert(list->begin(), 1);
      for (auto* list : {&window.pads_begin, &window.pads_end}) list->insert(list->begin(), 0);
    }
    CudnnOperation operation{.kind = CudnnOperation::Kind::convolution,
                             .strides = window.strides,
                             .dilations = window.dilations,
                             .pads_begin = window.pads_begin,
                             .pads_end = window.pads_end};
    operation.x = tensor(x.shape, input(problem_, 0));
    operation.b = tensor(w.shape, must_pack(problem_) ? packed(0, x.type) : input(problem_, 1));
    return give(std::move(operation));
  }

  /// Input i of a program that starts "Add(x0, xi)" with xi of y's shape and does not read x0
  /// again; else 0.
  size_t residual_behind_bias() const {
    if (post_.instructions.empty()) return 0;
    const Instruction& first = post_.instructions[0];
    const size_t a = first.operands[0], b = first.operands[1];
    if (first.function != Function::Add || std::min(a, b) != 0) return 0;
    const size_t i = std::max(a, b);
    if (i == 0 || i >= extras_.size()) return 0;
    if (problem_.inputs[i + 2].shape != problem_.outputs[0].shape) return 0;
    for (size_t k = 1; k < post_.instructions.size(); ++k) {
      const Instruction& step = post_.instructions[k];
      for (int j = 0; j < info(step.function).arity; ++j) {
        if (step.operands[static_cast<size_t>(j)] == 0) return 0;
      }
    }
    return i;
  }

  /// The step's result; 0 where cuDNN has nothing for it.
  int64_t apply(const Instruction& step) {
    std::optional<CudnnOperation> operation = operation_of(step);
    if (!operation) return 0;
    size_t a = step.operands[0], b = step.operands[1];
    const bool single = info(step.function).arity == 1;
    // Sums and products commute: what broadcasts comes second.
    if (!single && values_[a] == 0) std::swap(a, b);
    if (values_[a] == 0 || (!single && b == 0 && values_[0] == 0)) return 0;
    operation->x = values_[a];
    if (!single) operation->b = values_[b] != 0 ? values_[b] : extra(b);
    return give(std::move(*operation));
  }

  const Problem& problem_;
  const Program& post_;
  bool last_;
  size_t left_ = 0;  // operations
  cudnnDataType_t type_;
  Shape sizes_;                  // of y
  std::vector<int64_t> values_;  // of the program, where they are computed; else 0
  std::vector<int64_t> extras_;  // tensors of its inputs, where they have been read; else 0
  CudnnNode node_;
};

bool applies(const Problem& problem) {
  if (!is_this_device(problem.gpu)) return false;
  const std::optional<CudnnNode> node = cudnn_convolution(problem);
  return node && has_cudnn_plan(*node, problem);
}

/// The rate of tensor cores for halves and TF32 and of plain multiply-adds for f32, as good engines
/// reach it.
double seconds(const Problem& problem) {
  const Operand &x = problem.inputs[0], &w = problem.inputs[1], &y = problem.outputs[0];
  const double products =
      static_cast<double>(y.size()) * static_cast<double>(w.size() / w.shape[0]);
  const double rates = problem.gpu.half_operations / problem.gpu.f32_operations;
  const double share = is_half(x.type) ? 0.5 * rates : takes_tf32(problem) ? 0.25 * rates : 0.6;
  return streaming_seconds(problem, 2 * products / share);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  std::vector<PackedBuffer> packed = cudnn_convolution_weights(problem);
  const uint32_t packed_inputs = packed.empty() ? 0 : 1U << 1;
  return make_cudnn_kernel(*cudnn_convolution(problem), problem, std::move(packed), packed_inputs);
}

DRAWBAR_CUDA_TACTIC(cudnn, .op = "Conv", .name = "conv_cudnn", .applies = applies,
                    .seconds = seconds, .make = make, .needs_device = true, .plans_long = true);
DRAWBAR_CUDA_LAYOUT(Conv, channels_last);

}  // namespace

std::optional<CudnnNode> cudnn_convolution(const Problem& problem) {
  if (!has_operands(problem)) return std::nullopt;
  if (must_pack(problem) && !problem.inputs[1].constant) return std::nullopt;
  const bool exact = problem.strict && problem.inputs[0].type == ElementType::f32;
  for (const Instruction& step : op_of(problem).post.instructions) {
    if (exact && !is_exact(step.function)) return std::nullopt;
  }
  return Builder(problem).build();
}

std::vector<PackedBuffer> cudnn_convolution_weights(const Problem& problem) {
  if (!must_pack(problem)) return {};
  const Operand& w = problem.inputs[1];
  const ElementType type = problem.inputs[0].type;
  const bool last = is_last(problem);
  const auto width = static_cast<size_t>(bits(type) / 8);
  PackedBuffer result;
  result.bytes = static_cast<size_t>(w.size()) * width;
  const auto pack = [&](const Tensor& source, void* packed) {
    const int64_t channels = w.shape[1], taps = w.size() / (w.shape[0] * channels);
    const auto* from = static_cast<const std::byte*>(source.raw());
    const auto* halves = static_cast<const uint16_t*>(source.raw());
    for (int64_t i = 0; i < w.size(); ++i) {
      const int64_t tap = i % taps, channel = i / taps % channels, filter = i / taps / channels;
      const int64_t at = last ? (filter * taps + tap) * channels + channel : i;
      if (source.type() == type) {
        std::memcpy(static_cast<std::byte*>(packed) + static_cast<size_t>(at) * width,
                    from + static_cast<size_t>(i) * width, width);
      } else {
        static_cast<float*>(packed)[at] = source.type() == ElementType::f16
                                              ? half_to_float(halves[i])
                                              : bfloat_to_float(halves[i]);
      }
    }
  };
  result.data = problem.packed.get(
      w.constant, fmt::format("conv_weights {} {}", name(type), last ? "channels_last" : "planar"),
      result.bytes, pack);
  return {std::move(result)};
}

}  // namespace drawbar::cuda
