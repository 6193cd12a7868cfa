#pragma once

#include <cstdint>
#include <vector>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Depthwise convolution of bytes, pixel by pixel, for 16 to 64 channels at once; the last ones may
/// be computed twice, fewer than 16 one by one.
///
/// Channels are taken in groups; within one, vectors of sums have the channels in the order in
/// which interleaving bytes leaves them. Everything per channel is laid out so.
class DepthwiseBytes {
 public:
  /// How products are formed: `words` takes two taps in 16 bits each and adds them in 32. The
  /// others take four neighbours in a row of the kernel, and where taps slide once more for the
  /// pixel's right neighbour, which sees the same bytes one tap further: `dots` adds four products
  /// in 32 bits (has_byte_dots()), `pairs` two in 16 bits, which the weights must allow.
  enum class Way : uint8_t { words, pairs, dots };

  /// The taps of a pixel: kh rows of kw. `slides`: its right neighbour's first taps are its own
  /// second ones, and so on.
  struct Taps {
    int64_t kh = 1, kw = 1;
    bool slides = false;
    int64_t count() const { return kh * kw; }
  };

  /// The best way for these weights [channels][taps], each within 9 bits; whether the processor can
  /// take one, and whether these weights allow it.
  static Way way_for(const int16_t* weights, int64_t channels, const Taps& taps, Isa isa);
  static bool is_possible(Way way, int64_t channels, const Taps& taps, Isa isa);
  static bool allows(const int16_t* weights, int64_t channels, const Taps& taps, Way way);

  DepthwiseBytes(int64_t channels, const Taps& taps, Way way, Isa isa);

  /// Bytes that `out` of pack() holds, and floats or integers per channel in groups' order.
  int64_t packed_bytes() const;
  int64_t places() const;

  void pack(const int16_t* weights, void* out) const;
  /// Puts one number per channel in order.
  template <class T>
  void arrange(const T* numbers, T* out) const {
    for (const int32_t channel : channels_) *out++ = numbers[channel];
  }

  /// What becomes of the sums: y = saturate(round((sum + offset) · multiplier) + zero), or where
  /// there is an addend f32: y = (sum + offset) · multiplier + addend.
  struct Finish {
    const int32_t* offset;    // arranged
    const float* multiplier;  // arranged
    const float* addend;      // arranged, or null
    int32_t zero;
    bool to_signed;
    bool bounded;  // no sum times its multiplier exceeds 32 bits
  };
  /// Pixels and what they read: list[t · count + i] points at what tap t of pixel i reads, of an
  /// odd number of taps there is one more, of weight 0. Where taps slide, has_next[i] says whether
  /// pixel i + 1 is the right neighbour.
  struct Pixels {
    const std::byte* const* list;
    int64_t count;
    const bool* has_next;
    bool is_signed;  // x counts 128 more (offset takes it off again)
  };
  void run(const Pixels& pixels, const void* weights, const Finish& finish, std::byte* y,
           int64_t y_stride) const;

  /// Pixels of one line, each the right neighbour of the one before, none of which reads beyond the
  /// image: tap (ky, kx) of pixel i is at first + ky · row_step + kx · tap_step + i · step (bytes).
  struct Line {
    const std::byte* first;
    int64_t count;
    int64_t row_step, tap_step, step;
    bool is_signed;
  };
  /// Takes less time than by pointers. Not for words, and for an even number of pixels where taps
  /// slide.
  bool takes_lines() const { return way_ != Way::words; }
  void run(const Line& line, const void* weights, const Finish& finish, std::byte* y,
           int64_t y_stride) const;

  struct Group {
    int64_t first, width;  // channels; width is 1 or 16, 32, 64
    int64_t channel(int64_t place) const;
  };
  /// So many products of fours: byte i of four f is that much behind the pixel's first tap, or that
  /// pointer of it. There are weights for the pixel, and with two shifts behind them for its right
  /// neighbour.
  struct Fours {
    int64_t count, shifts;
    const int64_t* at;
  };

 private:
  int64_t fours_in_row() const { return (taps_.kw + (taps_.slides ? 1 : 0) + 3) / 4; }
  int64_t shifts() const { return taps_.slides ? 2 : 1; }
  /// The steps are those of Fours::at from row to row, tap to tap, and pixel to pixel.
  template <class Source>
  void run_fours(const Source& pixels, int64_t row_step, int64_t tap_step, int64_t step,
                 const void* weights, const Finish& finish, std::byte* y, int64_t y_stride) const;

  Taps taps_;
  Way way_;
  Isa isa_;
  std::vector<Group> groups_;
  std::vector<int32_t> channels_;  // of each place
};

}  // namespace drawbar::cpu
