#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// to[i] = sum over k < count of weights[k] * rows[k][i], i < length. `to` may be one of the rows.
void blend_rows(const float* const* rows, const float* weights, int64_t count, int64_t length,
                float* to);

/// For every pixel o < pixels of c channels: to[o] = sum over k < count of
/// weights[o * count + k] * from[indices[o * count + k]].
void blend_pixels(const float* from, const int64_t* indices, const float* weights, int64_t count,
                  int64_t pixels, int64_t c, float* to);

}  // namespace drawbar::cpu
