#pragma once

#include <cstddef>
#include <cstdint>

namespace drawbar::cpu {

/// What a run of output pixels reads and where its sums go; of one vector of channels, whose first
/// input channel (of wide groups, the group's) is `first`.
struct ByteGroupRun {
  const std::byte* const* pixels;  // [rows][in_row]: of all kernel rows
  int64_t rows, in_row;
  const std::byte* w;  // [row][fours][kw][lanes][4]
  int64_t fours, kw;   // of input channels of a group; taps of a row
  int64_t parts;       // whose sum the weights are, [parts] in front of [kw]
  const int32_t* spread;
  int64_t first;
  int32_t* sums;
  int64_t ld;  // from pixel to pixel
};

/// Computes the sums of a run of so many pixels as it was made for.
using ByteGroup = void (*)(const ByteGroupRun&);

}  // namespace drawbar::cpu
