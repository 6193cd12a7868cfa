#pragma once

#include "ops/conv/kernels/conv_kernel.h"
#include "targets/cpu/gemm/bytes.h"

namespace drawbar::cpu {

/// What the taps of a convolution of bytes read, channels-last: x itself, where a pixel of zero
/// points stands for padding, or a copy with padding. Immutable, thread-safe.
class ByteImage {
 public:
  enum class Copy : uint8_t {
    none,
    merged,  // of few channels: a row of the kernel lies in one piece, and is one tap
    shared,  // neighbouring lines share their padding, so that what a tap reads lies evenly
  };

  /// Merged where that pays, else none; what a merged tap reads then goes on into the next pixels,
  /// to a multiple of so many bytes. A shared copy has rows for pixels that y has not (gaps()).
  explicit ByteImage(const ConvShape& shape, int64_t merged_multiple = 1);
  static bool can_share(const ConvShape& shape);
  void share();

  int64_t taps() const { return copy_ == Copy::merged ? shape_.kh : shape_.kh * shape_.kw; }
  int64_t tap_bytes() const;
  int64_t rows() const;
  const ByteGaps* gaps() const { return copy_ == Copy::shared ? &gaps_ : nullptr; }

  /// Bytes of memory for a run, and x made ready there.
  int64_t bytes() const;
  void prepare(const std::byte* x, std::byte zero, std::byte* memory, ThreadPool& pool) const;

  /// What rows read in such memory; of x, and its channels from `x` on, where nothing is copied.
  const std::byte* begin(const std::byte* x, const std::byte* memory) const;
  int64_t readable_bytes() const;
  /// ByteRows::fill, and the lines if rows lie so; runs are written to `runs` [taps].
  void fill(const std::byte* x, const std::byte* memory, int64_t row, int64_t rows,
            const std::byte** list) const;
  bool has_lines() const { return copy_ != Copy::none || unpadded_; }
  ByteLines lines(const std::byte* x, const std::byte* memory, const std::byte** runs) const;

 private:
  int64_t line_bytes() const { return pitch_ * shape_.c; }
  int64_t image_bytes() const;
  void copy_line(const std::byte* x, std::byte zero, int64_t line, std::byte* image) const;

  ConvShape shape_;
  int64_t merged_multiple_;
  Copy copy_ = Copy::none;
  bool unpadded_;                  // no tap reads padding
  int64_t lines_ = 0, pitch_ = 0;  // of an image of the copy; pixels of a line
  ByteGaps gaps_;
};

}  // namespace drawbar::cpu
