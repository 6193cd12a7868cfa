#pragma once

#include "targets/cpu/gemm/product.h"

/// What becomes of the sums of a panel that the tile unit has formed: [rows][32], of which the
/// panel's columns count. For processors with Isa::amx.
namespace drawbar::cpu {

/// What is done with them: an epilogue whose pointers are those of the panel's first column.
struct Finish {
  Epilogue epilogue;
  int64_t columns = 0, c_stride = 0;
};

/// What a pass over k does to the panel at `column`.
Finish finish_of(const Product& p, int64_t pass, int64_t column);

/// C's rows [begin, end) from their sums; `c` and the residual are row 0. The hook is left out.
void finish_sums(const Finish& finish, int64_t begin, int64_t end, const float* sums, float* c);

bool has_nan(const float* sums, int64_t rows);

/// The sums of C's rows from `row` on as vectors form them: a NaN may come of an infinity, which
/// has no parts. `list` has the pointers of the block's rows, `b` is the panel from the pass on, of
/// the product's element.
void form_again(const Product& p, const Pass& pass, int64_t block_row, int64_t block_rows,
                const float* const* list, int64_t row, int64_t rows, const std::byte* b,
                float* sums);

/// Rows [row, row + rows) of the panels [panel, panel_end) with every sum formed so, and the
/// epilogue: slow, but without memory for parts of A. `list` has the pointers of the rows.
void form_block_again(const Product& p, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
                      const float* const* list);

}  // namespace drawbar::cpu
