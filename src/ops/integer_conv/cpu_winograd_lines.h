#pragma once

#include <cstddef>
#include <cstdint>

#include "targets/cpu/isa.h"

/// The transforms of Winograd's F(2 × 2, 3 × 3) on integers (cpu_winograd.cc): exact.
namespace drawbar::cpu {

constexpr int64_t kWinogradSide = 4;  // positions of a side of a tile
constexpr int64_t kWinogradPlanes = kWinogradSide * kWinogradSide;
constexpr int64_t kWinogradChannels = 16;  // that the input's transform takes at once

/// Planes of one tile of bytes: number c of plane i at out[i · plane + c]. `pixels` are its 16, row
/// by row, of u8 or i8; channels are a multiple of 16. Numbers are at most 4 · 255.
void winograd_bytes_input(const std::byte* const* pixels, int64_t channels, bool is_signed,
                          int16_t* out, int64_t plane, Isa isa);

/// Planes of one kernel w [3, 3], times 4: at most 9 times its largest weight.
void winograd_bytes_weights(const int16_t* w, int16_t* out, int64_t plane);

/// Sums of outputs from those of planes: column j of tile t in plane i at sums[i · plane + t ·
/// columns
/// + j], of output (y, x) of tile t at out[y · line + (2 t + x) · columns + j]. Columns are a
/// multiple of 8. What the planes' factor adds is taken off: right as long as sums fit 30 bits.
void winograd_bytes_output(const int32_t* sums, int64_t plane, int64_t tiles, int64_t columns,
                           int32_t* out, int64_t line, Isa isa);

}  // namespace drawbar::cpu
