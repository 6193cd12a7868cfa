#include "targets/cuda/libraries/cublaslt.h"

#include <map>
#include <mutex>

#include "base/error.h"
#include "targets/cuda/driver/library.h"
#include "targets/cuda/libraries/availability.h"

namespace drawbar::cuda {
namespace {

/// What operands are aligned to at least; no algorithm asks for more than a vector's width.
constexpr uint32_t alignment = 16;

CublasLt load() {
  static const Library library(in_library_folders({"libcublasLt.so.13", "libcublasLt.so.12"}));
  CublasLt cublaslt;
  if (!library) {
    cublaslt.reason = fmt::format("no cuBLASLt: {}", library.reason());
    return cublaslt;
  }
#define DRAWBAR_LOAD(F)                                                \
  cublaslt.F##_ = library.function<decltype(&::F)>(DRAWBAR_SYMBOL(F)); \
  if (!cublaslt.F##_) cublaslt.reason = "cuBLASLt lacks " DRAWBAR_SYMBOL_TEXT(F);
  DRAWBAR_CUBLASLT_FUNCTIONS(DRAWBAR_LOAD)
#undef DRAWBAR_LOAD
  return cublaslt;
}

cudaDataType_t data_type(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return CUDA_R_32F;
    case ElementType::f64:
      return CUDA_R_64F;
    case ElementType::f16:
      return CUDA_R_16F;
    case ElementType::bf16:
      return CUDA_R_16BF;
    case ElementType::f8e4m3fn:
      return CUDA_R_8F_E4M3;
    default:
      fail(ErrorCode::internal, "cuBLASLt is not given {}", name(type));
  }
}

bool has_bias(cublasLtEpilogue_t epilogue) {
  return (static_cast<unsigned>(epilogue) & CUBLASLT_EPILOGUE_BIAS) != 0;
}

struct DestroyDescription {
  void operator()(cublasLtMatmulDesc_t description) const {
    cublaslt().cublasLtMatmulDescDestroy_(description);
  }
};
using Description = std::unique_ptr<cublasLtMatmulDescOpaque_t, DestroyDescription>;

struct DestroyPreference {
  void operator()(cublasLtMatmulPreference_t preference) const {
    cublaslt().cublasLtMatmulPreferenceDestroy_(preference);
  }
};
using Preference = std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, DestroyPreference>;

/// What is multiplied and added; the heuristic takes the bias's alignment from its address.
Description describe(const CublasLtProblem& problem, const void* bias) {
  const bool wide = problem.type == ElementType::f64;
  cublasLtMatmulDesc_t made = nullptr;
  const cublasComputeType_t compute = wide           ? CUBLAS_COMPUTE_64F
                                      : problem.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                     : CUBLAS_COMPUTE_32F;
  DRAWBAR_CUBLASLT(cublasLtMatmulDescCreate, &made, compute, wide ? CUDA_R_64F : CUDA_R_32F);
  Description description(made);
  const auto set = [&](cublasLtMatmulDescAttributes_t name, const auto& value) {
    DRAWBAR_CUBLASLT(cublasLtMatmulDescSetAttribute, made, name, &value, sizeof value);
  };
  const cublasOperation_t a = problem.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t b = problem.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  set(CUBLASLT_MATMUL_DESC_TRANSA, a);
  set(CUBLASLT_MATMUL_DESC_TRANSB, b);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, problem.epilogue);
  if (has_bias(problem.epilogue)) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  return description;
}

std::shared_ptr<cublasLtMatrixLayoutOpaque_t> layout(const CublasLtProblem& problem,
                                                     ElementType type, int64_t rows,
                                                     int64_t columns, int64_t step) {
  cublasLtMatrixLayout_t made = nullptr;
  DRAWBAR_CUBLASLT(cublasLtMatrixLayoutCreate, &made, data_type(type), static_cast<uint64_t>(rows),
                   static_cast<uint64_t>(columns), rows);
  std::shared_ptr<cublasLtMatrixLayoutOpaque_t> result(
      made, [](cublasLtMatrixLayout_t given) { cublaslt().cublasLtMatrixLayoutDestroy_(given); });
  const auto set = [&](cublasLtMatrixLayoutAttribute_t name, const auto& value) {
    DRAWBAR_CUBLASLT(cublasLtMatrixLayoutSetAttribute, made, name, &value, sizeof value);
  };
  if (problem.batch > 1) {
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(problem.batch));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, step);
  }
  return result;
}

Preference prefer(const CublasLtProblem& problem) {
  cublasLtMatmulPreference_t made = nullptr;
  DRAWBAR_CUBLASLT(cublasLtMatmulPreferenceCreate, &made);
  Preference preference(made);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
    DRAWBAR_CUBLASLT(cublasLtMatmulPreferenceSetAttribute, made, name, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
      static_cast<uint64_t>(problem.most_workspace_bytes));
  // Parts of a sum are not rounded to halves before they are added.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  for (const auto name :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(name, alignment);
  }
  return preference;
}

}  // namespace

const CublasLt& cublaslt() {
  static const CublasLt cublaslt = load();
  return cublaslt;
}

bool has_cublaslt(const GpuInfo& gpu) { return is_this_device(gpu) && cublaslt().reason.empty(); }

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  ErrorCode code = ErrorCode::internal;
  if (status == CUBLAS_STATUS_NOT_INITIALIZED) code = ErrorCode::unavailable;
  if (status == CUBLAS_STATUS_ALLOC_FAILED) code = ErrorCode::resource_exhausted;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH)
    code = ErrorCode::unsupported;
  fail(code, "cuBLASLt: {}: {}", what, cublaslt().cublasLtGetStatusString_(status));
}

cublasLtHandle_t cublaslt_handle() {
  if (!cublaslt().reason.empty()) fail(ErrorCode::unavailable, "{}", cublaslt().reason);
  static std::mutex mutex;
  // They stay: the driver may go before static objects do.
  static std::map<int, cublasLtHandle_t> made;
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = made[current_gpu()];
  if (!handle) {
    cublasLtHandle_t fresh = nullptr;
    DRAWBAR_CUBLASLT(cublasLtCreate, &fresh);
    handle = fresh;
  }
  return handle;
}

std::vector<CublasLtProduct> CublasLtProduct::choices(const CublasLtProblem& problem, int most) {
  const cublasLtHandle_t handle = cublaslt_handle();
  CublasLtProduct product;
  product.problem_ = problem;
  const auto factor = [&](bool transposed, int64_t rows, int64_t columns, int64_t step) {
    const ElementType type = problem.f8 ? ElementType::f8e4m3fn : problem.type;
    return transposed ? layout(problem, type, columns, rows, step)
                      : layout(problem, type, rows, columns, step);
  };
  const auto result_of = [&](int64_t step) {
    return layout(problem, problem.type, problem.m, problem.n, step);
  };
  product.a_ = factor(problem.transpose_a, problem.m, problem.k, problem.a_step);
  product.b_ = factor(problem.transpose_b, problem.k, problem.n, problem.b_step);
  product.d_ = result_of(problem.d_step);
  product.c_ = problem.beta != 0 ? result_of(problem.c_step) : product.d_;
  const Description description =
      describe(problem, reinterpret_cast<const void*>(uintptr_t{alignment}));
  const Preference preference = prefer(problem);
  std::vector<cublasLtMatmulHeuristicResult_t> found(static_cast<size_t>(most));
  int count = 0;
  const cublasStatus_t status = cublaslt().cublasLtMatmulAlgoGetHeuristic_(
      handle, description.get(), product.a_.get(), product.b_.get(), product.c_.get(),
      product.d_.get(), preference.get(), most, found.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<CublasLtProduct> result;
  for (int i = 0; i < count; ++i) {
    const cublasLtMatmulHeuristicResult_t& each = found[static_cast<size_t>(i)];
    if (each.state != CUBLAS_STATUS_SUCCESS) continue;
    product.algorithm_ = each.algo;
    product.workspace_bytes_ = each.workspaceSize;
    result.push_back(product);
  }
  return result;
}

void CublasLtProduct::enqueue(const Stream& stream, const void* a, const void* b, const void* c,
                              void* d, const void* bias, void* workspace) const {
  const Description description = describe(problem_, bias);
  const auto alpha = static_cast<float>(problem_.alpha), beta = static_cast<float>(problem_.beta);
  const bool wide = problem_.type == ElementType::f64;
  const void* factors[] = {&alpha, &beta};
  if (wide) factors[0] = &problem_.alpha, factors[1] = &problem_.beta;
  DRAWBAR_CUBLASLT(cublasLtMatmul, cublaslt_handle(), description.get(), factors[0], a, a_.get(), b,
                   b_.get(), factors[1], problem_.beta != 0 ? c : d, c_.get(), d, d_.get(),
                   &algorithm_, workspace, workspace_bytes_,
                   static_cast<cudaStream_t>(stream.handle()));
}

}  // namespace drawbar::cuda
