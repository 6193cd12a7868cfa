#pragma once

#include <cstddef>
#include <cstdint>

namespace drawbar::cpu {

/// to[j * to_stride + i] = from[i * from_stride + j] for i in [0, rows), j in [0, columns): rows of
/// the source lie `from_stride` apart, those of the destination `to_stride`, in elements. The
/// block should fit the first-level cache with both sides. Elements need no alignment.
using TransposeLoop = void (*)(const void* from, int64_t from_stride, void* to, int64_t to_stride,
                               int64_t rows, int64_t columns);
TransposeLoop transpose_loop(int64_t element_bytes);

/// 2 to 4 planes in turns: to[j * planes + i] = from[i * stride + j], j in [0, count).
using InterleaveLoop = void (*)(const void* from, int64_t stride, void* to, int64_t planes,
                                int64_t count);
InterleaveLoop interleave_loop(int64_t element_bytes);

/// The inverse: to[i * stride + j] = from[j * planes + i].
using DeinterleaveLoop = void (*)(const void* from, void* to, int64_t stride, int64_t planes,
                                  int64_t count);
DeinterleaveLoop deinterleave_loop(int64_t element_bytes);

}  // namespace drawbar::cpu
