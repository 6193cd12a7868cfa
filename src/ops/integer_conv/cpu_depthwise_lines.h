#pragma once

#include <cstdint>
#include <vector>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Depthwise convolution of bytes, pixel by pixel: products of two taps are added in 32 bits
/// (vpmaddwd) for 16 to 64 channels at once; the last ones may be computed twice, fewer than 16 one
/// by one.
///
/// Channels are taken in groups; within one, vectors of sums have the channels in the order in
/// which interleaving bytes leaves them. Everything per channel is laid out so.
class DepthwiseBytes {
 public:
  DepthwiseBytes(int64_t channels, int64_t taps, Isa isa);

  /// Numbers that `out` of pack() holds, and floats or integers per channel in groups' order.
  int64_t weights() const { return pairs_ * 2 * places(); }
  int64_t places() const;

  /// Weights [channels][taps], each within 9 bits.
  void pack(const int16_t* weights, int16_t* out) const;
  /// Puts one number per channel in order.
  template <class T>
  void arrange(const T* numbers, T* out) const {
    for (const Group& g : groups_) {
      for (int64_t i = 0; i < g.width; ++i) *out++ = numbers[g.channel(i)];
    }
  }

  /// What becomes of the sums: y = saturate(round((sum + offset) · multiplier) + zero), or where
  /// there is an addend f32: y = (sum + offset) · multiplier + addend.
  struct Finish {
    const int32_t* offset;    // arranged
    const float* multiplier;  // arranged
    const float* addend;      // arranged, or null
    int32_t zero;
    bool to_signed;
  };
  /// So many pixels, `y_stride` bytes apart, list[t · pixels + i] pointing at what tap t of pixel i
  /// reads; of an odd number of taps there is one more, of weight 0. Signed x counts 128 more
  /// (offset takes it off again).
  void run(const std::byte* const* list, int64_t pixels, bool is_signed, const int16_t* weights,
           const Finish& finish, std::byte* y, int64_t y_stride) const;

  struct Group {
    int64_t first, width;  // channels; width is 1 or 16, 32, 64
    int64_t channel(int64_t place) const;
  };

 private:
  int64_t taps_, pairs_;
  Isa isa_;
  std::vector<Group> groups_;
};

}  // namespace drawbar::cpu
