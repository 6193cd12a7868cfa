#pragma once

#include "ops/integer_conv/cpu_image.h"
#include "ops/integer_conv/cpu_operands.h"

namespace drawbar::cpu {

/// A convolution of bytes as a product of bytes (targets/cpu/gemm/bytes.h) whose rows are given by
/// a pointer per tap and output pixel, or by the lines they lie in. Channels-last. Immutable,
/// thread-safe.
class ByteConv {
 public:
  /// `problem` is a QLinearConv's or ConvInteger's that ByteConvolution::applies to.
  explicit ByteConv(const Problem& problem);

  /// As Kernel has them.
  size_t scratch_bytes() const;
  uint32_t packed_inputs() const { return 1U << at_.w_input; }

  /// Inputs and output as the problem's; where the result is added to something, that gives the
  /// output.
  void run(const KernelRun& run, const AddedBytes* added) const;

 private:
  int64_t runs_at() const;
  int64_t products_at() const;

  ByteConvolution at_;
  ConvShape shape_;
  ByteImage image_;
  int threads_;
  std::vector<ByteProduct> products_;  // of each group
};

}  // namespace drawbar::cpu
