#include "ops/matmul/cuda_cublaslt.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "ops/matmul/op.h"

// Products by cuBLASLt with what it can do behind them: a bias along y's last dimension, a summand
// of y's shape, Relu or GeluTanh. Its heuristic's first choices are tactics of their own.

namespace drawbar::cuda {
namespace {

using ops::Function;
using ops::Instruction;
using ops::MatMul;
using ops::MatMulSizes;
using ops::Program;

/// Above it launches are split differently from one version to another.
constexpr int64_t most_batch = 65535;

const MatMul& op_of(const Problem& problem) { return *problem.op.as<MatMul>(); }

bool has_input(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

/// Matrices from one step of the whole batch to the next one, where that is one number.
std::optional<int64_t> uniform_step(const Shape& batch, const Shape& steps) {
  std::optional<int64_t> result;
  int64_t count = 1;
  for (size_t axis = batch.size(); axis-- > 0;) {
    if (batch[axis] == 1) continue;
    if (!result) result = steps[axis];
    if (steps[axis] != *result * count) return std::nullopt;
    count *= batch[axis];
  }
  return result.value_or(0);
}

/// Whether an operand is y's shape but for dimensions of 1 in front.
bool has_shape(const Operand& operand, const Shape& y) {
  if (operand.shape.size() > y.size()) return false;
  const size_t front = y.size() - operand.shape.size();
  return std::equal(operand.shape.begin(), operand.shape.end(),
                    y.begin() + static_cast<std::ptrdiff_t>(front)) &&
         std::all_of(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(front),
                     [](int64_t size) { return size == 1; });
}

bool is_f8(const Problem& problem) {
  return problem.inputs[0].type == ElementType::f8e4m3fn &&
         problem.inputs[1].type == ElementType::f8e4m3fn;
}

bool is_tf32(const Problem& problem) {
  return problem.inputs[0].type == ElementType::f32 && takes_tf32(problem);
}

/// Whether an operand is a vector along y's last dimension.
bool is_row(const Operand& operand, const Shape& y) {
  return operand.size() == y.back() && !operand.shape.empty() && operand.shape.back() == y.back();
}

bool has_operands(const Problem& problem) {
  const Operand &a = problem.inputs[0], &b = problem.inputs[1], &y = problem.outputs[0];
  const bool f8 = is_f8(problem);
  if (a.rank() < 2 || b.rank() < 2 || !is_real(y.type) || (y.type != a.type && !f8)) return false;
  const bool stored_half = a.type == ElementType::f32 && is_half(b.type);
  if (b.type != a.type && !(stored_half && b.constant)) return false;
  if (y.layout != Layout::row_major) return false;
  for (const Operand& input : problem.inputs) {
    if (input.present && input.layout != Layout::row_major) return false;
  }
  return true;
}

/// Sizes, batch and steps; the rows of a batch that shares one matrix of b are one matrix.
bool set_sizes(const Problem& problem, CublasLtProblem& product) {
  const MatMul& op = op_of(problem);
  const MatMulSizes sizes = ops::matmul_sizes(op, problem.inputs[0].shape, problem.inputs[1].shape);
  const auto a_step = uniform_step(sizes.batch, sizes.a_batch_step);
  const auto b_step = uniform_step(sizes.batch, sizes.b_batch_step);
  if (!a_step || !b_step) return false;
  product.m = sizes.n;
  product.n = sizes.m;
  product.k = sizes.k;
  product.batch = sizes.batch_count;
  product.transpose_a = op.transpose_b;
  product.transpose_b = op.transpose_a;
  product.a_step = *b_step * sizes.k * sizes.n;
  product.b_step = *a_step * sizes.m * sizes.k;
  product.c_step = product.d_step = sizes.m * sizes.n;
  if (product.batch > 1 && *b_step == 0 && *a_step == 1 && !op.transpose_a) {
    product.n *= product.batch;
    product.batch = 1;
  }
  if (is_f8(problem)) {
    // Columns of each matrix begin at multiples of 16 bytes, both factors run along the depth.
    const bool aligned = product.m % 16 == 0 && product.k % 16 == 0;
    if (!aligned || !product.transpose_a || product.transpose_b) return false;
  }
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  return std::max({product.m, product.n, product.k}) <= most && product.batch <= most_batch;
}

/// Adds an operand that the product is added to.
bool set_summand(const Problem& problem, size_t input, CublasLtMatMul& result) {
  const Operand &summand = problem.inputs[input], &y = problem.outputs[0];
  if (result.c_input != 0 || summand.type != y.type || !has_shape(summand, y.shape)) return false;
  result.c_input = input;
  result.product.beta = 1;
  return true;
}

cublasLtEpilogue_t joined(cublasLtEpilogue_t epilogue, cublasLtEpilogue_t more) {
  if (epilogue == CUBLASLT_EPILOGUE_DEFAULT) return more;
  return static_cast<cublasLtEpilogue_t>(static_cast<int>(epilogue) | static_cast<int>(more));
}

bool set_bias(const Problem& problem, CublasLtMatMul& result) {
  if (!has_input(problem, ops::matmul_bias_input)) return true;
  const Operand& bias = problem.inputs[ops::matmul_bias_input];
  if (bias.type != problem.outputs[0].type) return false;
  if (!is_row(bias, problem.outputs[0].shape))
    return set_summand(problem, ops::matmul_bias_input, result);
  if (is_f8(problem) && !is_half(bias.type)) return false;  // it adds none of f32 there
  result.bias_input = ops::matmul_bias_input;
  result.product.epilogue = joined(result.product.epilogue, CUBLASLT_EPILOGUE_BIAS);
  return true;
}

/// Programs that are Add(x0, x1), Relu(x0) or GeluTanh(x0) alone, which is cuBLASLt's GELU.
bool set_post(const Problem& problem, CublasLtMatMul& result) {
  const Program& post = op_of(problem).post;
  if (post.empty()) return true;
  if (post.instructions.size() != 1) return false;
  const Instruction& step = post.instructions[0];
  if (post.inputs == 2) {
    const bool both = step.operands[0] + step.operands[1] == 1;
    return step.function == Function::Add && both &&
           set_summand(problem, ops::matmul_first_post_input, result);
  }
  if (post.inputs != 1) return false;
  switch (step.function) {
    case Function::Relu:
      result.product.epilogue = joined(result.product.epilogue, CUBLASLT_EPILOGUE_RELU);
      return true;
    case Function::GeluTanh:
      // Its tanh is an approximation whose error is not stated.
      result.product.epilogue = joined(result.product.epilogue, CUBLASLT_EPILOGUE_GELU);
      return !problem.strict;
    default:
      return false;
  }
}

class CublasLtKernel final : public Kernel {
 public:
  CublasLtKernel(const CublasLtMatMul& matmul, CublasLtProduct product,
                 std::vector<PackedBuffer> packed)
      : product_(std::move(product)),
        bias_(matmul.bias_input),
        c_(matmul.c_input),
        packed_(std::move(packed)) {}

  size_t scratch_bytes() const override { return product_.workspace_bytes(); }
  std::span<const PackedBuffer> packed() const override { return packed_; }
  uint32_t packed_inputs() const override { return packed_.empty() ? 0 : 1U << 1; }

  void enqueue(const KernelRun& run) const override {
    product_.enqueue(run.stream, packed_.empty() ? run.inputs[1] : run.packed[0], run.inputs[0],
                     c_ != 0 ? run.inputs[c_] : nullptr, run.outputs[0],
                     bias_ != 0 ? run.inputs[bias_] : nullptr, run.scratch);
  }

 private:
  CublasLtProduct product_;
  size_t bias_, c_;
  std::vector<PackedBuffer> packed_;
};

/// The heuristic's choice of that number.
template <int number>
struct Choice {
  static std::optional<CublasLtProduct> find(const CublasLtMatMul& matmul) {
    std::vector<CublasLtProduct> choices = CublasLtProduct::choices(matmul.product, number + 1);
    if (choices.size() <= number) return std::nullopt;
    return std::move(choices[number]);
  }

  static bool applies(const Problem& problem) {
    const std::optional<CublasLtMatMul> matmul = cublaslt_matmul(problem);
    if (!matmul || !has_cublaslt(problem.gpu)) return false;
    try {
      return find(*matmul).has_value();
    } catch (const Error&) {
      return false;
    }
  }

  /// Tensor cores for halves, TF32 and f64, plain multiply-adds for f32, as good kernels reach
  /// them.
  static double seconds(const Problem& problem) {
    const MatMulSizes sizes =
        ops::matmul_sizes(op_of(problem), problem.inputs[0].shape, problem.inputs[1].shape);
    const double products =
        static_cast<double>(problem.outputs[0].size()) * static_cast<double>(sizes.k);
    const double rates = problem.gpu.half_operations / problem.gpu.f32_operations;
    const double share = is_f8(problem)                    ? 1.4 * rates
                         : is_half(problem.inputs[0].type) ? 0.7 * rates
                         : is_tf32(problem)                ? 0.35 * rates
                                                           : 0.8;
    return streaming_seconds(problem, 2 * products / share) * (1 + 0.05 * number);
  }

  static std::unique_ptr<Kernel> make(const Problem& problem) {
    const std::optional<CublasLtMatMul> matmul = cublaslt_matmul(problem);
    std::optional<CublasLtProduct> product;
    if (matmul) product = find(*matmul);
    if (!product) fail(ErrorCode::unsupported, "cuBLASLt has no way for this product");
    return std::make_unique<CublasLtKernel>(*matmul, std::move(*product),
                                            cublaslt_weights(problem));
  }
};

#define CHOICE(NUMBER, NAME)                                                                  \
  DRAWBAR_CUDA_TACTIC(cublaslt_##NUMBER, .op = "MatMul", .name = NAME,                        \
                      .applies = Choice<NUMBER>::applies, .seconds = Choice<NUMBER>::seconds, \
                      .make = Choice<NUMBER>::make, .needs_device = true)
CHOICE(0, "matmul_cublaslt");
CHOICE(1, "matmul_cublaslt_second");
CHOICE(2, "matmul_cublaslt_third");
#undef CHOICE

}  // namespace

std::optional<CublasLtMatMul> cublaslt_matmul(const Problem& problem) {
  CublasLtMatMul result;
  if (!has_operands(problem) || !set_sizes(problem, result.product)) return std::nullopt;
  result.product.type = problem.outputs[0].type;
  result.product.f8 = is_f8(problem);
  result.product.tf32 = is_tf32(problem);
  result.product.alpha = static_cast<double>(op_of(problem).alpha);
  result.packs_b = problem.inputs[1].type != problem.inputs[0].type;
  if (!set_bias(problem, result) || !set_post(problem, result)) return std::nullopt;
  return result;
}

std::vector<PackedBuffer> cublaslt_weights(const Problem& problem) {
  const Operand& b = problem.inputs[1];
  if (b.type == problem.inputs[0].type) return {};
  PackedBuffer result;
  result.bytes = static_cast<size_t>(b.size()) * sizeof(float);
  result.data = problem.packed.get(
      b.constant, "widened f32", result.bytes, [&](const Tensor& source, void* packed) {
        const auto* halves = static_cast<const uint16_t*>(source.raw());
        auto* floats = static_cast<float*>(packed);
        const bool ieee = source.type() == ElementType::f16;
        for (int64_t i = 0; i < source.size(); ++i)
          floats[i] = ieee ? half_to_float(halves[i]) : bfloat_to_float(halves[i]);
      });
  return {std::move(result)};
}

}  // namespace drawbar::cuda
