#pragma once

#include <array>

#include "ops/conv/kernels/conv_kernel.h"
#include "ops/conv/kernels/epilogue.h"
#include "ops/conv/op.h"

namespace drawbar::cpu {

/// The convolution of a Conv node as its kernels know it; a 1-D one has height 1, of a 3-D one it
/// is that of one plane.
ConvShape conv_shape(const Problem& problem);
/// The same of a window over x that gives y.
ConvShape conv_shape(ops::Window window, int64_t groups, const Operand& x, const Operand& y);

/// The result of the convolution of two-dimensional images, channels-last.
Operand conv_result(const ops::Conv& conv, const Operand& x, const Operand& w);

/// The node's inputs behind the bias: what its program reads.
std::span<const Operand> conv_extras(const Problem& problem);

/// Whether operands are f32, there is something to multiply, and x and y lie so.
bool has_conv_operands(const Problem& problem, Layout x, Layout y);

/// The pointers of those inputs in one run.
using ConvPointers = std::array<const float*, ops::Program::most_inputs>;
std::span<const float* const> conv_extra_pointers(const KernelRun& run, ConvPointers& list);

/// What a kernel's packed weights depend on.
std::string conv_packed_form(const ConvKernel& kernel, const ConvShape& shape, Isa isa);

/// A kernel for channels-last operands with its weights packed. Immutable, thread-safe.
class PlannedConv {
 public:
  PlannedConv(const Problem& problem, std::unique_ptr<ConvKernel> kernel, ConvEpilogue epilogue);

  /// Weights that are only known while running are packed behind the kernel's scratch.
  int64_t scratch_bytes() const {
    return scratch_bytes_ + (packed_ ? 0 : kernel_->packed_bytes() + 64);
  }

  /// As Kernel has it.
  uint32_t packed_inputs() const { return packed_ ? 1U << 1 : 0; }
  std::optional<double> executed_operations() const { return kernel_->executed_operations(); }

  /// ConvKernel::run_lines(), where has_lines() says that there is such a thing, with constant
  /// weights; `extras` as run() has them.
  bool has_lines() const { return packed_ && kernel_->has_lines(); }
  int64_t lines_scratch_bytes(int64_t lines) const { return kernel_->lines_scratch_bytes(lines); }
  void run_lines(const float* x, int64_t ring, const float* bias,
                 std::span<const float* const> extras, float* y, void* scratch, Lines lines) const;

  /// x and y in place of the run's first operands; `extras` as ConvEpilogue has them.
  void run(const float* x, const KernelRun& run, std::span<const float* const> extras, float* y,
           void* scratch) const;

 private:
  std::unique_ptr<ConvKernel> kernel_;
  ConvEpilogue epilogue_;
  PackedConstants::Buffer packed_;  // null: the weights are not constant
  int64_t scratch_bytes_ = 0;
};

}  // namespace drawbar::cpu
