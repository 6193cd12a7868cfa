#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/conv/kernels/conv_kernel.h"

namespace drawbar::cpu {

/// Sums of a convolution of bytes in groups of few channels, a multiple of four, as many out as in.
/// A vector of output channels spans whole groups, and of each group four input channels at a time
/// are spread over the group's lanes; or a group spans whole vectors, and four of its channels go
/// to all lanes. Immutable, thread-safe.
class ByteGroups {
 public:
  /// Whether there are such vectors; from AVX2 on.
  static bool is_possible(int64_t channels, int64_t groups, Isa isa);

  /// With `dots` four products are added in 32 bits (has_byte_dots()); else two are in 16 bits, and
  /// weights for which those could saturate are the sum of two parts, each multiplied for itself.
  ByteGroups(const ConvShape& shape, Isa isa, bool dots);

  /// The parts, 1 or 2, for these weights [m, c / groups, kh, kw], and the bytes they are packed
  /// in.
  int64_t parts_for(const int8_t* weights) const;
  int64_t packed_bytes(int64_t parts) const { return vectors() * vector_bytes(parts); }
  void pack(const int8_t* weights, int64_t parts, std::byte* packed) const;

  int64_t lanes() const { return lanes_; }
  /// Vectors of channels; the last one may begin within the one before.
  int64_t vectors() const { return (shape_.c + lanes_ - 1) / lanes_; }
  int64_t channel_of(int64_t vector) const;

  /// How many of the pixels that are left in a line to sum next, at most kMostPixels; and the bytes
  /// that `list` has to hold.
  static constexpr int64_t kMostPixels = 7;
  int64_t pixels_of(int64_t left) const;
  int64_t list_bytes() const;

  /// Pixels of an output line (of all images).
  struct Run {
    const std::byte *x, *padding;  // padding: a pixel of x's zero point
    bool is_signed;                // x counts 128 more than it is
    int64_t line, ox, pixels;
  };
  /// The sums of the vectors [first, end) of channels, in 32 bits: pixel i's channel channel_of(v)
  /// + j is sums[i · ld + channel_of(v) - channel_of(first) + j].
  void sum(const Run& run, const std::byte* packed, int64_t parts, int64_t first, int64_t end,
           const std::byte** list, int32_t* sums, int64_t ld) const;

 private:
  int64_t group() const { return shape_.c / shape_.groups; }
  int64_t fours() const { return group() / 4; }
  int64_t vector_bytes(int64_t parts) const {
    return shape_.kh * fours() * parts * shape_.kw * lanes_ * 4;
  }

  ConvShape shape_;
  Isa isa_;
  bool dots_;
  int64_t lanes_;
  std::vector<int32_t> spread_;  // [fours][lanes]: the four bytes that a lane takes
};

}  // namespace drawbar::cpu
