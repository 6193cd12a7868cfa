#include "targets/cuda/libraries/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/small_float.h"

namespace drawbar::cuda {
namespace {

double load(cudnnDataType_t type, const void* memory, int64_t at) {
  switch (type) {
    case CUDNN_DATA_FLOAT:
      return static_cast<double>(static_cast<const float*>(memory)[at]);
    case CUDNN_DATA_DOUBLE:
      return static_cast<const double*>(memory)[at];
    case CUDNN_DATA_HALF:
      return static_cast<double>(half_to_float(static_cast<const uint16_t*>(memory)[at]));
    case CUDNN_DATA_BFLOAT16:
      return static_cast<double>(bfloat_to_float(static_cast<const uint16_t*>(memory)[at]));
    case CUDNN_DATA_INT32:
      return static_cast<const int32_t*>(memory)[at];
    default:
      fail(ErrorCode::internal, "a tensor of cuDNN's type {}", static_cast<int>(type));
  }
}

void store(cudnnDataType_t type, void* memory, int64_t at, double value) {
  const auto narrow = static_cast<float>(value);
  switch (type) {
    case CUDNN_DATA_FLOAT:
      static_cast<float*>(memory)[at] = narrow;
      return;
    case CUDNN_DATA_DOUBLE:
      static_cast<double*>(memory)[at] = value;
      return;
    case CUDNN_DATA_HALF:
      static_cast<uint16_t*>(memory)[at] = float_to_half(narrow);
      return;
    case CUDNN_DATA_BFLOAT16:
      static_cast<uint16_t*>(memory)[at] = float_to_bfloat(narrow);
      return;
    default:
      fail(ErrorCode::internal, "a result of cuDNN's type {}", static_cast<int>(type));
  }
}

int64_t count(const Shape& sizes) {
  int64_t result = 1;
  for (const int64_t size : sizes) result *= size;
  return result;
}

using Index = std::array<int64_t, 5>;

/// Calls with every index.
template <class F>
void for_each(const Shape& sizes, F&& call) {
  Index index = {};
  for (int64_t left = count(sizes); left > 0; --left) {
    call(index);
    for (size_t axis = sizes.size(); axis-- > 0 && ++index[axis] == sizes[axis];) index[axis] = 0;
  }
}

/// A tensor's numbers by index, in row-major order, whatever its strides.
struct Values {
  Shape sizes;
  std::vector<double> values;

  double& at(const Index& index) {
    int64_t i = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      i = i * sizes[axis] + (sizes[axis] == 1 ? 0 : index[axis]);
    return values.at(static_cast<size_t>(i));
  }
};

double apply(const CudnnOperation& operation, double x, double b, double third) {
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  switch (operation.mode) {
    case CUDNN_POINTWISE_ADD:
      return x + b;
    case CUDNN_POINTWISE_SUB:
      return x - b;
    case CUDNN_POINTWISE_MUL:
      return x * b;
    case CUDNN_POINTWISE_DIV:
      return x / b;
    case CUDNN_POINTWISE_EXP:
      return std::exp(x);
    case CUDNN_POINTWISE_LOG:
      return std::log(x);
    case CUDNN_POINTWISE_CMP_GE:
      return x >= b ? 1 : 0;
    case CUDNN_POINTWISE_BINARY_SELECT:
      return third != 0 ? x : b;
    case CUDNN_POINTWISE_RELU_FWD:
      return operation.upper > 0 ? std::min(std::max(x, 0.0), operation.upper) : std::max(x, 0.0);
    case CUDNN_POINTWISE_SIGMOID_FWD:
      return 1 / (1 + std::exp(-x));
    case CUDNN_POINTWISE_TANH_FWD:
      return std::tanh(x);
    case CUDNN_POINTWISE_SWISH_FWD:
      return x / (1 + std::exp(-operation.beta * x));
    case CUDNN_POINTWISE_GELU_FWD:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case CUDNN_POINTWISE_GELU_APPROX_TANH_FWD:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    default:
      return nothing;
  }
}

class GraphRun {
 public:
  GraphRun(const CudnnNode& node, std::span<void* const> pointers) : graph_(node.graph) {
    for (const CudnnTensor& tensor : graph_.tensors) {
      values_.push_back(
          {tensor.sizes, std::vector<double>(static_cast<size_t>(count(tensor.sizes)))});
    }
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const auto& [number, argument] = node.operands[i];
      if (argument.source == Argument::Source::output) continue;
      const CudnnTensor& tensor = graph_.at(number);
      for_each(tensor.sizes, [&, number = number](const Index& index) {
        of(number).at(index) = load(tensor.type, pointers[i], place(tensor, index));
      });
    }
    for (const auto& [number, value] : node.numbers)
      of(number).values[0] = std::visit([](auto v) { return static_cast<double>(v); }, value);
    for (const CudnnOperation& operation : graph_.operations) run(operation);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const auto& [number, argument] = node.operands[i];
      if (argument.source != Argument::Source::output) continue;
      const CudnnTensor& tensor = graph_.at(number);
      for_each(tensor.sizes, [&, number = number](const Index& index) {
        store(tensor.type, pointers[i], place(tensor, index), of(number).at(index));
      });
    }
  }

 private:
  Values& of(int64_t number) { return values_.at(static_cast<size_t>(number - 1)); }

  static int64_t place(const CudnnTensor& tensor, const Index& index) {
    int64_t at = 0;
    for (size_t axis = 0; axis < tensor.sizes.size(); ++axis)
      at += index[axis] * tensor.strides[axis];
    return at;
  }

  void run(const CudnnOperation& operation) {
    switch (operation.kind) {
      case CudnnOperation::Kind::convolution:
        return convolve(operation);
      case CudnnOperation::Kind::pointwise:
        return pointwise(operation);
      case CudnnOperation::Kind::matmul:
        return multiply(operation);
      case CudnnOperation::Kind::reduction:
        return reduce(operation);
    }
  }

  void convolve(const CudnnOperation& operation) {
    Values &x = of(operation.x), &w = of(operation.b), &y = of(operation.y);
    const size_t rank = operation.strides.size();
    const int64_t channels = w.sizes[1], per_group = w.sizes[0] / (x.sizes[1] / channels);
    for (size_t i = 0; i < rank; ++i) {
      const int64_t covered = operation.dilations[i] * (w.sizes[i + 2] - 1) + 1;
      const int64_t padded = x.sizes[i + 2] + operation.pads_begin[i] + operation.pads_end[i];
      if ((padded - covered) / operation.strides[i] + 1 != y.sizes[i + 2])
        fail(ErrorCode::internal, "a convolution's sizes contradict each other");
    }
    const Shape window(w.sizes.begin() + 1, w.sizes.end());
    for_each(y.sizes, [&](const Index& at) {
      double sum = 0;
      for_each(window, [&](const Index& tap) {
        Index from = {at[0], at[1] / per_group * channels + tap[0]}, weight = {at[1], tap[0]};
        for (size_t i = 0; i < rank; ++i) {
          const int64_t place = at[i + 2] * operation.strides[i] - operation.pads_begin[i] +
                                tap[i + 1] * operation.dilations[i];
          if (place < 0 || place >= x.sizes[i + 2]) return;
          from[i + 2] = place;
          weight[i + 2] = tap[i + 1];
        }
        sum += x.at(from) * w.at(weight);
      });
      y.at(at) = sum;
    });
  }

  void pointwise(const CudnnOperation& operation) {
    Values& y = of(operation.y);
    for_each(y.sizes, [&](const Index& at) {
      if (operation.mode == CUDNN_POINTWISE_GEN_INDEX) {
        y.at(at) = static_cast<double>(at[static_cast<size_t>(operation.axis)]);
        return;
      }
      const double b = operation.b != 0 ? of(operation.b).at(at) : 0;
      const double third = operation.third != 0 ? of(operation.third).at(at) : 0;
      y.at(at) = apply(operation, of(operation.x).at(at), b, third);
    });
  }

  void multiply(const CudnnOperation& operation) {
    Values &x = of(operation.x), &b = of(operation.b), &y = of(operation.y);
    const int64_t shared = x.sizes[1] / b.sizes[1];
    for_each(y.sizes, [&](const Index& at) {
      double sum = 0;
      for (int64_t i = 0; i < x.sizes[3]; ++i)
        sum += x.at({at[0], at[1], at[2], i}) * b.at({at[0], at[1] / shared, i, at[3]});
      y.at(at) = sum;
    });
  }

  void reduce(const CudnnOperation& operation) {
    Values &x = of(operation.x), &y = of(operation.y);
    const bool largest = operation.reduction == CUDNN_REDUCE_TENSOR_MAX;
    std::fill(y.values.begin(), y.values.end(),
              largest ? -std::numeric_limits<double>::infinity() : 0);
    for_each(x.sizes, [&](const Index& at) {
      double& into = y.at(at);
      into = largest ? std::max(into, x.at(at)) : into + x.at(at);
    });
  }

  const CudnnGraph& graph_;
  std::vector<Values> values_;
};

}  // namespace

void evaluate(const CudnnNode& node, std::span<void* const> pointers) { GraphRun(node, pointers); }

void evaluate(const CublasLtProblem& problem, const void* a, const void* b, const void* c, void* d,
              const void* bias) {
  const cudnnDataType_t type = cudnn_type(problem.type);
  const int64_t a_rows = problem.transpose_a ? problem.k : problem.m;
  const int64_t b_rows = problem.transpose_b ? problem.n : problem.k;
  for (int64_t i = 0; i < problem.batch; ++i) {
    for (int64_t column = 0; column < problem.n; ++column) {
      for (int64_t row = 0; row < problem.m; ++row) {
        const auto factor = [&](const void* matrix, int64_t at) {
          if (!problem.f8) return load(type, matrix, at);
          const auto code = static_cast<const uint8_t*>(matrix)[at];
          return static_cast<double>(decode_small_float(ElementType::f8e4m3fn, code));
        };
        double sum = 0;
        for (int64_t k = 0; k < problem.k; ++k) {
          const int64_t in_a = problem.transpose_a ? k + row * a_rows : row + k * a_rows;
          const int64_t in_b = problem.transpose_b ? column + k * b_rows : k + column * b_rows;
          sum += factor(a, i * problem.a_step + in_a) * factor(b, i * problem.b_step + in_b);
        }
        const int64_t at = row + column * problem.m;
        double value = problem.alpha * sum;
        if (problem.beta != 0) value += problem.beta * load(type, c, i * problem.c_step + at);
        const int epilogue = problem.epilogue;
        if ((epilogue & CUBLASLT_EPILOGUE_BIAS) != 0) value += load(type, bias, row);
        if ((epilogue & CUBLASLT_EPILOGUE_RELU) != 0) value = std::max(value, 0.0);
        if ((epilogue & CUBLASLT_EPILOGUE_GELU) != 0)
          value = apply({.mode = CUDNN_POINTWISE_GELU_APPROX_TANH_FWD}, value, 0, 0);
        store(type, d, i * problem.d_step + at, value);
      }
    }
  }
}

}  // namespace drawbar::cuda
