#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// a · W + bias, where the weights W [K, N] are stored as small unsigned integers in blocks along
/// K: W[k][n] = (q[n][k] - zero_points[n][k / block_size]) · scales[n][k / block_size]. a [..., K]
/// of a float type; b u8 [N, blocks, block_size · bits / 8] holds q, the first element in a byte's
/// low bits, blocks = ceil(K / block_size); scales [N, blocks] of a's type; zero_points (optional:
/// 2^(bits - 1)) [N, blocks] of a's type, or u8 [N, ceil(blocks · bits / 8)], packed as b's lines
/// are; bias (optional) [N] of a's type → y [..., N] of a's type. bits is 2, 4 or 8, block_size a
/// power of two of at least 16. f32, f16 and bf16, summed in f64 (kernels: f32). Source:
/// onnxruntime's MatMulNBits-1.
struct MatMulNBits {
  static constexpr std::string_view name = "MatMulNBits";
  int64_t k = 1, n = 1;
  int64_t bits = 4, block_size = 32;

  enum Inputs : size_t { a, b, scales, zero_points, bias };

  void fields(auto&& field) {
    field("k", k);
    field("n", n);
    field("bits", bits);
    field("block_size", block_size);
  }

  int64_t blocks() const { return k / block_size + (k % block_size != 0); }
  int64_t block_bytes() const { return block_size / 8 * bits; }
  /// Bytes of a line of packed zero points.
  int64_t zero_bytes() const { return (blocks() * bits + 7) / 8; }
};

/// Throws INVALID_MODEL for attributes that are not as above, or sizes that overflow.
void check(const MatMulNBits& op);

/// Element `index` of a line of small integers.
inline int packed_element(const uint8_t* line, int64_t index, int64_t bits) {
  const int64_t per_byte = 8 / bits;
  return line[index / per_byte] >> (index % per_byte * bits) & ((1 << bits) - 1);
}

void infer(const MatMulNBits&, Infer&);
void reference(const MatMulNBits&, Evaluation&);
Dim operations(const MatMulNBits&, const Infer&);
bool keeps_rows(const MatMulNBits&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
