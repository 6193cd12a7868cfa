#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// y[r, c] = x[r, c] * factor[c] + shift[c]; y may be x.
void scale_shift_columns(const float* x, const float* factor, const float* shift, int64_t rows,
                         int64_t columns, float* y);

/// y[i] = x[i] * factor + shift; y may be x.
void scale_shift_line(const float* x, float factor, float shift, int64_t count, float* y);

}  // namespace drawbar::cpu
