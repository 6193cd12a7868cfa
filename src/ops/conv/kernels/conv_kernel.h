#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "targets/cpu/gemm/gemm.h"

/// Single-precision convolution over plain pointers.
///
/// Activations are channels-last: pixel (n, y, x) of the input has its c channels at
/// ((n · h + y) · w + x) · x_pixel_stride, so that a tensor may be a slice of the channels of a
/// wider one; the output likewise. Weights come as [m, c / groups, kh, kw] and are packed once.
namespace drawbar::cpu {

struct ConvShape {
  int64_t n = 1, h = 1, w = 1, c = 1;  // input
  int64_t oh = 1, ow = 1, m = 1;       // output; with the pads before, they imply those after
  int64_t kh = 1, kw = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t groups = 1;
  int64_t x_pixel_stride = 1;  // ≥ c, in floats
  bool x_planar = false;       // x is [n, c, h, w] instead; few kernels take that
  int64_t y_pixel_stride = 1;  // ≥ m, in floats
  /// 2: y is instead [n, pooled_h, pooled_w, m], the maximum over windows of two by two outputs
  /// side by side, those that reach beyond the last row or column being smaller. Winograd's kernels
  /// can do that, with an epilogue of a bias and an activation.
  int64_t pool = 1, pooled_h = 0, pooled_w = 0;
  ElementType weights = ElementType::f32;  // or f16, bf16: what half_floats() may be kept in
  bool strict = false;  // only plain sums: no Winograd (off by up to 2e-5 of the largest output)

  int64_t pixels() const { return n * oh * ow; }
  /// Multiply-adds, those with padding counted.
  double multiply_adds() const {
    return static_cast<double>(pixels()) * static_cast<double>(m * (c / groups) * kh * kw);
  }
};

/// Lines (rows of pixels) of one image, counted through all images.
struct Lines {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

/// One way to compute one convolution. Immutable once made: any number of threads may run it, each
/// with its own scratch and output.
class ConvKernel {
 public:
  virtual ~ConvKernel() = default;

  /// The way's name, as in conv_kernel_names().
  virtual std::string_view name() const = 0;

  /// Bytes of the packed weights; 64-byte aligned by the caller. They suit this shape and Isa only.
  virtual int64_t packed_bytes() const = 0;

  /// Packs weights [m, c / groups, kh, kw]. May allocate as much as packed_bytes() meanwhile.
  virtual void pack(const float* weights, float* packed, ThreadPool* pool) const = 0;

  /// How many of the packed floats, from the beginning on, run() takes as ConvShape::weights says;
  /// what follows them lies behind them, in f32 as ever. A multiple of 16, or all.
  virtual int64_t half_floats() const { return 0; }

  /// Whether the weights are packed for the tile unit alone (PackedMatrix::tiles), so that how they
  /// are depends on how many pixels there are.
  virtual bool on_tiles() const { return false; }

  /// Bytes of scratch that run() needs with a pool of exactly so many threads (1: or none);
  /// 64-byte aligned by the caller.
  virtual int64_t scratch_bytes(int threads) const = 0;

  /// y = epilogue(convolution of x). The epilogue's bias is [m]; its residual has a row of
  /// residual_ld floats per output pixel; a hook's rows are output pixels, its columns channels.
  /// Allocates nothing, but kernels of the matrix product may be generated at the first run.
  virtual void run(const float* x, const float* packed, float* y, const Epilogue& epilogue,
                   void* scratch, ThreadPool* pool) const = 0;

  /// Whether run_lines() is there: output lines depend on the input lines under them alone, and
  /// sums are not formed otherwise where there are many.
  virtual bool has_lines() const { return false; }

  /// Bytes of scratch that run_lines() needs for so many output lines; 64-byte aligned by the
  /// caller.
  virtual int64_t lines_scratch_bytes(int64_t) const { return 0; }

  /// The part of run() that gives these output lines, to the bit, on the calling thread. Input line
  /// i lies where line i % ring of x does (of a planar x: ring is n · h); `y` begins with output
  /// line `lines.begin`; the epilogue is that of run(). Allocates nothing, as run().
  virtual void run_lines(const float* x, int64_t ring, const float* packed, float* y,
                         const Epilogue& epilogue, void* scratch, Lines lines) const;

  /// The multiply-adds of run(), each as two operations; nothing where they are as many as
  /// ConvShape::multiply_adds() says.
  virtual std::optional<double> executed_operations() const { return std::nullopt; }

  /// What run() should take, from a fixed model that knows neither host nor measurements.
  virtual double estimate_seconds(int threads) const = 0;
};

/// "pointwise", "igemm", "row_merged", "depthwise", "winograd2", "winograd4", "winograd6",
/// "winograd2_lean", "winograd4_lean", "winograd2_slices", "winograd4_slices", "winograd6_slices",
/// "small_groups", "grouped".
const std::vector<std::string_view>& conv_kernel_names();

/// The kernel of that name, or null where it does not apply to the shape.
std::unique_ptr<ConvKernel> make_conv_kernel(std::string_view name, const ConvShape& shape,
                                             Isa isa);

/// All that apply, the best estimate for so many threads first; never empty.
std::vector<std::unique_ptr<ConvKernel>> conv_kernels(const ConvShape& shape, Isa isa, int threads);

}  // namespace drawbar::cpu
