#pragma once

#include "targets/cpu/gemm/bytes.h"

namespace drawbar::cpu {

/// Finishes a tile of sums [rows, columns], `ld` numbers apart, that begins at `row` and `column`
/// of y [m, n]: `y` and the epilogue's pointers are those of the whole matrices. Lines of a tile
/// are readable up to a multiple of panel_width.
void finish_bytes(const ByteEpilogue& epilogue, const int32_t* sums, int64_t ld, int64_t row,
                  int64_t column, int64_t rows, int64_t columns, void* y, int64_t y_ld, Isa isa);

}  // namespace drawbar::cpu
