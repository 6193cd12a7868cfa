#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// Local response normalisation of one pixel's channels: y[c] = x[c] * (bias + factor * sum)^-beta,
/// the sum being that of the squares of x[c - before … c - before + size - 1], as far as they are
/// there. `squares` holds c + size floats of working memory.
void normalise_responses(const float* x, int64_t c, int64_t size, int64_t before, float bias,
                         float factor, float beta, float* squares, float* y);

}  // namespace drawbar::cpu
