#pragma once

#include <cstddef>
#include <cstdint>

#include "base/threads.h"
#include "drawbar/element_type.h"

/// Products of f32 on the tile unit of Isa::amx, which multiplies bf16 and adds up in f32.
///
/// Every f32 is the sum of three bf16 ("parts") of eight bits each: its first eight bits, rounded,
/// the next eight of what is left, rounded, and the rest. Source: Henry, Tang and Heinecke,
/// "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations"
/// (2019). Into how many of them b is cut says how exact products are; those of two parts are
/// formed exactly, and added up in f32. What is left out of a · b:
///
/// | parts of b | of a | products | b of f32 | of f16 | of bf16 |
/// |---|---|---|---|---|---|
/// | 3 | 3 | 6 | 2⁻²³ · abs(a · b) at most, a sixteenth of it as a rule | | |
/// | 2 | 2 | 3 | 2⁻¹⁶ at most, 2⁻²⁰ as a rule | 2⁻¹⁷ at most | |
/// | 1 | 2 | 2 | | | 2⁻¹⁸ at most |
///
/// Parts below 2⁻¹²⁶ are zero. An infinity, a NaN or a number that rounds to infinity makes every
/// sum it is part of NaN: callers form those again.
///
/// A tile of A is 16 rows of 32 k, one of B 32 k of 16 columns, as the instructions want them.
/// Functions need the tile unit but for those that only split; none allocates; all are thread-safe,
/// the tile registers being a thread's own.
namespace drawbar::cpu {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileDepth = 32;  // k
constexpr int64_t kTilePanel = 32;  // columns of a panel of B: two tiles
constexpr int64_t kTileBytes = 1024;

/// Bytes of two tiles of rows, or of a panel, of 32 k or `k` when split: [k / 32][part of a][2]
/// tiles. `parts` are those of b, here and below.
constexpr int64_t step_bytes(int64_t parts) { return (parts == 3 ? 3 : 2) * 2 * kTileBytes; }
constexpr int64_t split_bytes(int64_t k, int64_t parts) {
  return (k + kTileDepth - 1) / kTileDepth * step_bytes(parts);
}

/// One step of two tiles of `height` rows: k ≤ 32 numbers of each of `rows`, then zeros.
void split_rows(const float* const* rows, int64_t count, int64_t height, int64_t k, int64_t parts,
                std::byte* out);

/// The pairs of k [begin, end) of a panel [k][32] of `b` as PackedMatrix has it; tiles are
/// [16][16][2]. Beyond k, to a multiple of 32, there are zeros. bf16 is one part, f16 two.
void split_panel(ElementType b, const std::byte* from, int64_t k, int64_t begin, int64_t end,
                 int64_t parts, std::byte* out);

/// Makes the tile unit ready for tiles of so many rows (1 to 16) of sums and A, and so many bytes
/// of k (4 to 64, by fours) of A and B, and gives it back. Registers: sums 0 to 3, A 4 and 5, B
/// 6, 7.
class TileUnit {
 public:
  explicit TileUnit(int64_t rows, int64_t depth = 64);
  ~TileUnit();
  TileUnit(const TileUnit&) = delete;
  TileUnit& operator=(const TileUnit&) = delete;
};

/// sums [tiles · rows][32] = A · B for one or two tiles of rows and a panel; `rows` is that of the
/// TileUnit alive. Calls meanwhile(step) for each 32 k: what vector units do there costs little
/// time.
void multiply_tiles(int64_t parts, int64_t tiles, int64_t rows, int64_t k, const std::byte* a,
                    const std::byte* b, FunctionRef<void(int64_t step)> meanwhile, float* sums);

/// Keeps the unit busy with `rounds` times four products of int8 that are not zero (of zeros it is
/// faster); returns the f32 operations they are worth as slices (slices.h).
double multiply_tile_chains(int rounds);

}  // namespace drawbar::cpu
