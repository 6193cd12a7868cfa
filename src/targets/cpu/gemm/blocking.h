#pragma once

#include <cstdint>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// How a product is cut. Blocks of k depend on the shapes alone, never on the number of threads, so
/// that the sums are formed in one order.
struct Blocking {
  int vectors = 2;          // the most of a tile
  int64_t k_blocks = 1;     // passes over C
  int64_t block_taps = 1;   // taps of a pass
  int64_t parts = 1;        // passes per tap, when one tap's k is too long
  int64_t part_k = 0;       // k of a part
  int64_t block_rows = 1;   // rows whose part of A stays in the second-level cache
  int64_t chunk = 0;        // columns whose part of C stays there from pass to pass
  int64_t unit_panels = 1;  // panels of a unit, what threads divide: so many in a block of rows
  int64_t grain = 1;        // units worth a thread's visit
};

/// How many vectors the next tile takes of the `left` ones, at most `most`. A tile starts at a
/// panel, so only the last one may take an odd number; single vectors are avoided.
int next_vectors(int64_t left, int most);

/// Calls run(height, count) for the tiles that `rows` rows are split into, as evenly as they go,
/// none higher than `most`: the taller ones first.
template <class Run>
void for_tile_heights(int64_t rows, int64_t most, const Run& run) {
  const int64_t tiles = divide_up(rows, most), height = rows / tiles, taller = rows % tiles;
  if (taller > 0) run(height + 1, taller);
  run(height, tiles - taller);
}

/// For C [m, n] with `taps` runs of k each in a row of A.
Blocking choose_blocking(int64_t m, int64_t n, int64_t taps, int64_t k, int threads, Isa isa);

}  // namespace drawbar::cpu
