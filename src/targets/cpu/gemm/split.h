#pragma once

#include "targets/cpu/gemm/product.h"

namespace drawbar::cpu {

/// Whether C [m, n] with `k` multiply-adds per element is sooner formed on the tile unit
/// (tile_unit.h), as measured; B is cut into so many parts, while running or before (`tiles`).
bool split_pays(int64_t m, int64_t n, int64_t k, Isa isa, int64_t parts, bool tiles = false);

/// How such a product is cut: as choose_blocking().
Blocking choose_split_blocking(int64_t m, int64_t n, int64_t taps, int64_t k, int threads,
                               int64_t parts);

/// Rows [row, row + rows) of the panels [panel, panel_end), with the epilogue. `list` is memory
/// for the pointers of indirect rows. False where the thread has no memory for it, which is
/// allocated at its first product and kept.
bool compute_split_block(const Product& p, int64_t row, int64_t rows, int64_t panel,
                         int64_t panel_end, const float** list);

}  // namespace drawbar::cpu
