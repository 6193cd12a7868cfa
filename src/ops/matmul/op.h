#pragma once

#include "ir/op.h"
#include "ops/pointwise/program.h"

namespace drawbar::ops {

/// alpha · A·B + bias over stacks of matrices, then a pointwise program.
/// a [..., M, K] ([..., K, M] when `transpose_a`), b [..., K, N] ([..., N, K] when `transpose_b`),
/// the dimensions before the last two broadcast as numpy's do; bias (optional) broadcasts to the
/// result; then post's inputs x1, x2, … (of a's type, broadcast to the result; x0 is the product)
/// → y [..., M, N] of a's type. One-dimensional operands count as one row (a) or column (b), which
/// the result lacks; importers reshape those, so that passes and kernels see none.
/// Float types, and integers of 32 and 64 bits that wrap around; `post` needs f32 or a half, in
/// which it is computed as f32. b may be f16 or bf16 where a is f32: its numbers count as the f32
/// they are. a and b may both be f8e4m3fn (passes make such products of quantised ones, their
/// scales in alpha): then y, bias and post's inputs are of one type, f32 or a half, y f32 where
/// there are none. Source: ONNX MatMul-13, Gemm-13.
struct MatMul {
  static constexpr std::string_view name = "MatMul";
  bool transpose_a = false, transpose_b = false;
  float alpha = 1;
  Program post;
  void fields(auto&& field) {
    field("transpose_a", transpose_a);
    field("transpose_b", transpose_b);
    field("alpha", alpha);
    field("post", post);
  }
};

/// The inputs in front of post's.
inline constexpr size_t matmul_bias_input = 2;
inline constexpr size_t matmul_first_post_input = 3;

/// The loops of one concrete product.
struct MatMulSizes {
  int64_t m = 1, n = 1, k = 1;
  Shape batch;         // the result's dimensions before the last two
  Shape a_batch_step;  // matrices of a to skip per step along each batch dimension (0: broadcast)
  Shape b_batch_step;
  int64_t batch_count = 1;

  /// Which matrix of a (or b) the i-th result uses.
  int64_t a_index(int64_t i) const { return index(i, a_batch_step); }
  int64_t b_index(int64_t i) const { return index(i, b_batch_step); }

 private:
  int64_t index(int64_t i, const Shape& step) const;
};

/// Of operands with at least two dimensions that infer has accepted.
MatMulSizes matmul_sizes(const MatMul&, const Shape& a, const Shape& b);

void infer(const MatMul&, Infer&);
void reference(const MatMul&, Evaluation&);
Dim operations(const MatMul&, const Infer&);
bool keeps_rows(const MatMul&, const Infer&, const std::vector<bool>& batched);
uint32_t half_weights(const MatMul&);

}  // namespace drawbar::ops
