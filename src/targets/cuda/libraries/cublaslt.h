#pragma once

#include <cublasLt.h>
#include <memory>
#include <string>
#include <vector>

#include "targets/cuda/gpu.h"
#include "targets/operand.h"

namespace drawbar::cuda {

/// cuBLASLt's functions that are used, loaded from libcublasLt.so.13 or .12.
struct CublasLt {
#define DRAWBAR_CUBLASLT_FUNCTIONS(F) \
  F(cublasLtGetVersion)               \
  F(cublasLtGetStatusString)          \
  F(cublasLtCreate)                   \
  F(cublasLtMatmul)                   \
  F(cublasLtMatmulAlgoGetHeuristic)   \
  F(cublasLtMatmulDescCreate)         \
  F(cublasLtMatmulDescDestroy)        \
  F(cublasLtMatmulDescSetAttribute)   \
  F(cublasLtMatrixLayoutCreate)       \
  F(cublasLtMatrixLayoutDestroy)      \
  F(cublasLtMatrixLayoutSetAttribute) \
  F(cublasLtMatmulPreferenceCreate)   \
  F(cublasLtMatmulPreferenceDestroy)  \
  F(cublasLtMatmulPreferenceSetAttribute)
#define DRAWBAR_DECLARE(F) decltype(&::F) F##_ = nullptr;
  DRAWBAR_CUBLASLT_FUNCTIONS(DRAWBAR_DECLARE)
#undef DRAWBAR_DECLARE
  std::string reason;  // why it is not there; empty when it is
};

/// Loaded at the first call.
const CublasLt& cublaslt();

/// Whether cuBLASLt can choose and run for this GPU here. Loads it only where the GPU is.
bool has_cublaslt(const GpuInfo& gpu);

/// Throws what the status stands for: UNSUPPORTED, RESOURCE_EXHAUSTED without memory, UNAVAILABLE
/// without a device, else INTERNAL; with cuBLASLt's text. `what` was tried.
void check(cublasStatus_t status, const char* what);

/// Calls a function of cuBLASLt by its name and checks the status.
#define DRAWBAR_CUBLASLT(F, ...) \
  ::drawbar::cuda::check(::drawbar::cuda::cublaslt().F##_(__VA_ARGS__), #F)

/// The handle of the calling thread's device (current_gpu), made at the first call and kept; any
/// number of threads may use it at once. Throws UNAVAILABLE without a device.
/// Source: cuBLAS documentation, "Using the cuBLASLt API", "Thread Safety".
cublasLtHandle_t cublaslt_handle();

/// What a product is: d = f(alpha · op(a)·op(b) + beta · c + bias) for each of `batch` matrices,
/// all of one type but where said, column-major and without gaps: op(a) is m × k, op(b) k × n, c
/// and d m × n, bias has m elements. `…_step`: elements from one matrix to the next one (0: the
/// same one for all).
struct CublasLtProblem {
  ElementType type = ElementType::f32;  // f32, f64, f16 or bf16; sums are in f32 (f64: in f64)
  bool tf32 = false;                    // of f32: factors may be rounded to TF32
  /// a and b are f8e4m3 and a alone is transposed; the others are of `type`, f32 or a half.
  bool f8 = false;
  int64_t m = 1, n = 1, k = 1, batch = 1;
  bool transpose_a = false, transpose_b = false;
  int64_t a_step = 0, b_step = 0, c_step = 0, d_step = 0;
  double alpha = 1, beta = 0;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  size_t most_workspace_bytes = size_t{32} << 20;
};

/// A way to compute a product. Immutable.
/// Source: cuBLAS documentation, "cublasLtMatmul()", "cublasLtMatmulAlgoGetHeuristic()".
class CublasLtProduct {
 public:
  /// The heuristic's choices for a problem, the best one first, at most so many.
  static std::vector<CublasLtProduct> choices(const CublasLtProblem& problem, int most);

  size_t workspace_bytes() const { return workspace_bytes_; }
  /// Pointers of the device, 16-byte aligned; `c` where beta is not 0, `bias` where the epilogue
  /// has it, else null. `workspace` is 256-byte aligned.
  void enqueue(const Stream& stream, const void* a, const void* b, const void* c, void* d,
               const void* bias, void* workspace) const;

 private:
  using Layout = std::shared_ptr<cublasLtMatrixLayoutOpaque_t>;
  CublasLtProduct() = default;

  CublasLtProblem problem_;
  Layout a_, b_, c_, d_;
  cublasLtMatmulAlgo_t algorithm_ = {};
  size_t workspace_bytes_ = 0;
};

}  // namespace drawbar::cuda
