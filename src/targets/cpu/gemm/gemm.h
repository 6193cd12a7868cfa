#pragma once

#include <cstdint>
#include <limits>

#include "base/threads.h"
#include "drawbar/element_type.h"
#include "targets/cpu/gemm/microkernel.h"
#include "targets/cpu/isa.h"

/// Single-precision matrix products over plain pointers, in the manner of Goto and van de Geijn,
/// "Anatomy of High-Performance Matrix Multiplication" (2008); the rows of A may be given by
/// pointers as in Dukhan, "The Indirect Convolution Algorithm" (2019).
///
/// All matrices are row-major; strides ("ld") count floats. Running allocates nothing except that a
/// kernel is generated when its shape is first met in the process. Sizes are int64 and must not
/// overflow when multiplied: callers check shapes before. Functions are thread-safe as long as what
/// they write is not shared; `pool` may be null for the calling thread alone.
/// The result does not depend on the number of threads.
namespace drawbar::cpu {

/// Called with each finished part of C while it is in cache: `c` points at element (row, col), and
/// rows × cols elements are complete but for what this function does. May be called concurrently;
/// must not multiply matrices itself.
using TileHook =
    FunctionRef<void(float* c, int64_t ldc, int64_t row, int64_t col, int64_t rows, int64_t cols)>;

/// What happens to the product before it is stored:
///     C = activation(A·B + bias + (accumulate ? C : 0) + residual), then hook.
struct Epilogue {
  const float* bias = nullptr;      // [n] or null
  const float* residual = nullptr;  // [m, n] or null; may be C itself
  int64_t residual_ld = 0;
  bool accumulate = false;
  Activation activation = Activation::none;
  float alpha = 0;  // clamp: lower bound; leaky_relu: slope
  float beta = 0;   // clamp: upper bound
  const TileHook* hook = nullptr;

  void relu() { clamp(0, std::numeric_limits<float>::infinity()); }
  void clamp(float low, float high) {
    activation = Activation::clamp;
    alpha = low;
    beta = high;
  }
};

/// B [k, n] packed for the kernels of one instruction set: panels of panel_width(isa) columns, each
/// [k][panel_width], the last one padded with zeros. `data` is 64-byte aligned, and of `element`:
/// f32, or f16 or bf16, whose numbers then are multiplied as the f32 they are. On the tile unit
/// products lose what is said in tile_unit.h.
struct PackedMatrix {
  const void* data = nullptr;
  int64_t k = 0;
  int64_t n = 0;
  Isa isa = Isa::baseline;
  /// What is read after it, if that is known (a packed matrix of the same shape): its first panels
  /// are brought closer while the last ones here are multiplied.
  const void* next = nullptr;
  /// Where it is a part of a matrix, the columns of that: sums must not depend on how it is cut.
  int64_t whole_n = 0;
  ElementType element = ElementType::f32;
  bool exact = false;  // on the tile unit, f32 is cut into three parts instead of two
  bool tiles = false;  // cut into parts already, for the tile unit alone: pack_rows()

  /// Into how many parts the tile unit's products cut a number.
  int64_t tile_parts() const {
    return element == ElementType::bf16 ? 1 : element == ElementType::f32 && exact ? 3 : 2;
  }
  int64_t bytes(int64_t count) const { return count * (bits(element) / 8); }
};

/// Whether B is best packed as tiles where A [m, taps · k] is multiplied by it, which only f32 can
/// be: the tile unit then forms the product, else what gemm() finds faster.
bool tiles_pay(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa, ElementType element);

/// Bytes of B [k, n] when packed.
int64_t packed_bytes(int64_t k, int64_t n, Isa isa, ElementType element = ElementType::f32,
                     bool tiles = false);

/// Packs element (k, n) = b[k · k_stride + n · n_stride]: row-major has n_stride 1, the transpose
/// of a row-major matrix k_stride 1. Writes the rows [k_offset, k_offset + k) of a packed matrix
/// with k_total rows, so that a matrix may be put together from several; as tiles k_offset is a
/// multiple of 32, and a thread allocates as much as its part of a panel.
void pack_rows(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
               int64_t k_offset, int64_t k_total, Isa isa, float* packed,
               ThreadPool* pool = nullptr, bool tiles = false);

/// Packs a whole matrix: row-major [k, n] with ld, or when `transposed` row-major [n, k] with ld.
PackedMatrix pack(const float* b, int64_t ld, bool transposed, int64_t k, int64_t n, Isa isa,
                  float* packed, ThreadPool* pool = nullptr, bool tiles = false);

/// The same of b in f16 or bf16, which it stays. Allocates as much as one panel in f32.
PackedMatrix pack_halves(ElementType half, const uint16_t* b, int64_t ld, bool transposed,
                         int64_t k, int64_t n, Isa isa, void* packed);

/// C [m, n] = epilogue(A [m, k] · B). No scratch.
void gemm(int64_t m, const float* a, int64_t lda, const PackedMatrix& b, float* c, int64_t ldc,
          const Epilogue& epilogue, ThreadPool* pool);

/// The rows of A given by pointers: row r is the concatenation over t < taps of the k floats at
/// pointers(t, r), so that B has taps · k rows. `fill(row, rows, list)` writes the pointers of rows
/// [row, row + rows) to list[t · rows + r]; it may be called concurrently, and more than once.
struct IndirectRows {
  int64_t taps = 1;
  int64_t k = 0;
  FunctionRef<void(int64_t row, int64_t rows, const float** list)> fill;
};

/// Scratch for gemm_indirect, 64-byte aligned by the caller.
int64_t gemm_indirect_scratch_bytes(int64_t m, int64_t taps, int64_t k, int64_t n, int threads,
                                    Isa isa, ElementType b = ElementType::f32);

/// C [m, n] = epilogue(A · B) with rows of A given by pointers.
void gemm_indirect(int64_t m, const IndirectRows& a, const PackedMatrix& b, float* c, int64_t ldc,
                   const Epilogue& epilogue, void* scratch, ThreadPool* pool);

/// One product of a batch.
struct BatchItem {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  const float* residual = nullptr;  // replaces the epilogue's
};

/// Shapes shared by a batch: A [m, k], B [k, n] (or [n, k] when transposed), all row-major.
struct BatchShape {
  int64_t count = 1;
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;
  bool b_transposed = false;
};

/// Scratch for matmul_batch, 64-byte aligned by the caller.
int64_t matmul_batch_scratch_bytes(const BatchShape& shape, int threads, Isa isa);

/// C_i = epilogue(A_i · B_i) for i < count, where B is known at run time only (attention, MatMul of
/// two activations). `item(i)` gives the matrices and may be called concurrently. A hook sees `row`
/// and `col` within its item.
void matmul_batch(const BatchShape& shape, FunctionRef<BatchItem(int64_t index)> item,
                  const Epilogue& epilogue, void* scratch, Isa isa, ThreadPool* pool);

}  // namespace drawbar::cpu
