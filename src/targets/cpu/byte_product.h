#pragma once

#include <string>

#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// What is known of a quantised product while running: zero points and scales as ONNX's QLinear
/// operators have them (y_scale 1 and y_zero 0 of a result in f32; of one in i32 all but x_zero and
/// the bias are as they are here). `w_scales` is how many there are, 1 or n; the bias [n], in steps
/// of x's scale times w's, may be null, and so may the addend [n] of a result in f32.
struct ByteScales {
  static constexpr float one = 1;
  float x_scale = 1, y_scale = 1;
  int32_t x_zero = 0, y_zero = 0;
  const float* w_scale = &one;
  int64_t w_scales = 1;
  const int32_t* bias = nullptr;
  const float* addend = nullptr;

  /// Of a bias in i32, or in f32: the addend. May be null.
  void set_bias(const void* numbers, bool is_f32) {
    if (is_f32) {
      addend = static_cast<const float*>(numbers);
    } else {
      bias = static_cast<const int32_t*>(numbers);
    }
  }
};

/// The operands of a product of bytes: of QLinearConv and QLinearMatMul, whose inputs lie alike, or
/// of ConvInteger and MatMulInteger, which give the sums alone.
struct ByteOperands {
  enum Input : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };
  enum SumsInput : size_t { kSumsW = 1, kSumsWZero = 3 };  // x and its zero point lie as above

  ByteOperands(const Problem& problem, bool sums_only);

  static Operand input(const Problem& problem, size_t i) {  // absent where there is none
    return i < problem.inputs.size() ? problem.inputs[i] : Operand();
  }
  Operand w_zero(const Problem& problem) const { return input(problem, w_zero_input); }

  /// x's zero point is the first where rows have one each.
  ByteScales scales(const KernelRun& run) const;

  bool sums_only;
  size_t w_input, w_zero_input;
  ElementType x, y;
  int64_t w_scales;
  bool f32_bias;
};

/// What sums of n channels are finished with: (sum + offset) · multiplier. `weight_sums` are those
/// of each channel's weights; x counts so much more than it is (`shift`, besides its zero point).
/// Offsets wrap, as sums do.
void byte_factors(const ByteScales& scales, const int32_t* weight_sums, int32_t shift, int64_t n,
                  int32_t* offset, float* multiplier);

/// The epilogue with these factors and the addend, in `memory` of 3 · columns numbers; columns are
/// n or more.
ByteEpilogue byte_epilogue(const ByteScales& scales, const int32_t* weight_sums, int32_t shift,
                           int64_t n, int64_t columns, void* memory, ElementType y);

/// A product of rows of quantised bytes with constant weights [k, n], quantised again:
///     y = saturate(round((sum of (x - x_zero) · (w - w_zero) + bias) · x_scale · w_scale /
///     y_scale)
///                  + y_zero),
/// or f32, neither divided, rounded nor saturated, plus the addend; or the sums and the bias in
/// i32. Immutable, thread-safe.
class ByteProduct {
 public:
  static constexpr int64_t kZero = -1;

  /// Element (i, j) of the weights is element index(i, j) of w, or 0 (kZero); `form` names that
  /// order. w_zero has one number or n, or is absent (0). Rows of x are `taps` runs of k / taps
  /// bytes.
  ByteProduct(const Problem& problem, const Operand& w, const Operand& w_zero, int64_t k, int64_t n,
              int64_t taps, const std::string& form,
              FunctionRef<int64_t(int64_t i, int64_t j)> index, ElementType x, ElementType y);

  /// Bytes of scratch for m rows, each of `taps` runs of `tap` bytes.
  int64_t scratch_bytes(int64_t m, int64_t taps, int64_t tap, int threads) const;

  /// `rows` is signed where x is; y_ld counts elements. What the bytes are added to gives y.
  void run(int64_t m, const ByteRows& rows, const ByteScales& scales, void* y, int64_t y_ld,
           void* scratch, ThreadPool& pool, const AddedBytes* added = nullptr) const;

  /// Whether runs of a row are multiplied where they lie if they lie evenly.
  bool reads_runs() const { return b_.unit == ByteUnit::tiles && b_.plan.run < b_.k; }

  /// The sum of each column of the weights.
  const int32_t* column_sums() const;

 private:
  int64_t columns() const;

  PackedBytes b_;
  PackedConstants::Buffer memory_;  // the packed weights, and behind them the sum of each column
  ElementType x_, y_;
};

/// Whether weights and their zero points are constants of bytes, the latter absent, one or n, and
/// the result bytes, f32 or i32.
bool is_byte_product(const Operand& x, const Operand& w, const Operand& w_zero, const Operand& y,
                     int64_t n);

/// The zero points of weights of such a type, or where there are none a 0.
ConstantPtr weights_zero(const Operand& w_zero, ElementType type);

/// Number i of u8 or i8.
inline int32_t byte_at(const void* bytes, ElementType type, int64_t i) {
  return type == ElementType::i8 ? static_cast<const int8_t*>(bytes)[i]
                                 : static_cast<const uint8_t*>(bytes)[i];
}

/// Seconds of so many multiply-adds, about.
double byte_product_seconds(double multiply_adds, Isa isa, int threads);

}  // namespace drawbar::cpu
