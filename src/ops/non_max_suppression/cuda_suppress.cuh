#pragma once

#include "targets/cuda/code/bitonic_sort.cuh"

// Greedy non-maximum suppression, decided as the processors do: the same order, the same rounding.
// A line is the scores of one image and class. Its boxes are sorted, then a block goes through
// them in tiles, best first; last, the lines' selections move together.

namespace suppression {

constexpr int kThreads = 256, kWords = kThreads / 32;

/// At most MOST of BOXES boxes are selected for each of CLASSES classes of an image.
template <i64 LINES, i64 CLASSES, i64 BOXES, i64 MOST, bool CENTER, bool BY_SCORE, bool BY_OVERLAP>
struct Problem {
  static constexpr i64 lines = LINES, classes = CLASSES, boxes = BOXES, most = MOST;
  static constexpr bool center = CENTER;
  static constexpr bool by_score = BY_SCORE;      // only scores above a threshold
  static constexpr bool by_overlap = BY_OVERLAP;  // the threshold of overlaps is given, else 0
};

/// Greater for higher scores and, among equal ones, for lower indices; no two are equal, none is 0.
__device__ __forceinline__ u64 key_of(float score, i64 index) {
  const unsigned bits = float_to_bits(score == 0 ? 0.0f : score);
  const unsigned ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return static_cast<u64>(ordered) << 32 | (0xffffffffu - static_cast<unsigned>(index));
}

__device__ __forceinline__ int index_of(u64 key) {
  return static_cast<int>(0xffffffffu - static_cast<unsigned>(key));
}

/// Sorts each line in chunks of CHUNK, the last one shorter. Scores that are no candidates come
/// last.
template <class P, int CHUNK>
__device__ __forceinline__ void sort_chunks(const float* scores, const float* least, u64* sorted) {
  __shared__ u64 keys[CHUNK];
  constexpr i64 chunks = (P::boxes + CHUNK - 1) / CHUNK;
  const i64 line = blockIdx.x / chunks, first = blockIdx.x % chunks * CHUNK;
  for (int i = static_cast<int>(threadIdx.x); i < CHUNK; i += kThreads) {
    const i64 n = first + i;
    u64 key = 0;
    if (n < P::boxes) {
      const float score = scores[line * P::boxes + n];
      key = key_of(score, n);
      if (P::by_score && !(score > *least)) key &= 0xffffffffu;
    }
    keys[i] = key;
  }
  bitonic_sort<CHUNK, kThreads>(keys);
  for (int i = static_cast<int>(threadIdx.x); i < CHUNK && first + i < P::boxes; i += kThreads)
    sorted[line * P::boxes + first + i] = keys[i];
}

/// Merges runs of RUN in pairs: a key moves on by the number of greater ones in the other run.
template <class P, i64 RUN>
__device__ __forceinline__ void merge(const u64* from, u64* to) {
  const i64 i = global_thread();
  if (i >= P::lines * P::boxes) return;
  const i64 line = i / P::boxes, n = i % P::boxes, run = n / RUN;
  const i64 start = (run ^ 1) * RUN;
  const u64 key = from[i];
  const u64* other = from + line * P::boxes + start;
  i64 low = 0, high = P::boxes - start < RUN ? P::boxes - start : RUN;
  while (low < high) {
    const i64 middle = (low + high) / 2;
    if (other[middle] > key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  to[line * P::boxes + run / 2 * 2 * RUN + n % RUN + low] = key;
}

struct Box {
  float x1, y1, x2, y2, area;
};

// Of not-a-number they give the first one, as the C++ library's do.
__device__ __forceinline__ float least_of(float a, float b) { return b < a ? b : a; }
__device__ __forceinline__ float greatest_of(float a, float b) { return a < b ? b : a; }
__device__ __forceinline__ float difference(float a, float b) { return __fadd_rn(a, -b); }

template <bool CENTER>
__device__ __forceinline__ Box box_at(const float* place) {
  Box box;
  if constexpr (CENTER) {
    const float half_width = place[2] / 2, half_height = place[3] / 2;
    box.x1 = difference(place[0], half_width);
    box.x2 = __fadd_rn(place[0], half_width);
    box.y1 = difference(place[1], half_height);
    box.y2 = __fadd_rn(place[1], half_height);
  } else {
    box.x1 = least_of(place[1], place[3]);
    box.x2 = greatest_of(place[1], place[3]);
    box.y1 = least_of(place[0], place[2]);
    box.y2 = greatest_of(place[0], place[2]);
  }
  box.area = __fmul_rn(difference(box.x2, box.x1), difference(box.y2, box.y1));
  return box;
}

/// Whether a box overlaps one selected before by more than the threshold. Rounded operation by
/// operation: a multiply-add of one rounding would decide otherwise at the threshold.
__device__ __forceinline__ bool overlap(const Box& box, const Box& selected, float threshold) {
  const float width = difference(least_of(box.x2, selected.x2), greatest_of(box.x1, selected.x1));
  const float height = difference(least_of(box.y2, selected.y2), greatest_of(box.y1, selected.y1));
  if (!(width > 0 && height > 0 && box.area > 0 && selected.area > 0)) return false;
  const float both = __fmul_rn(width, height);
  const float either = difference(__fadd_rn(box.area, selected.area), both);
  return both > 0 && either > 0 && both / either > threshold;
}

/// A block a line. A tile's boxes are compared with those selected before it, a thread a box, and
/// with each other; the first warp then goes through these words of bits in order. `chosen` gets
/// the selected boxes of each line, `counts` how many there are.
template <class P>
__device__ __forceinline__ void select(const float* boxes, const float* scores, const i64* limit,
                                       const float* overlap_limit, const float* least,
                                       const u64* sorted, int* chosen, int* counts) {
  __shared__ Box tile[kThreads];
  __shared__ unsigned overlaps[kWords]
                              [kThreads];  // bit j of word w: with box 32 w + j, a better one
  __shared__ unsigned kept[kWords];
  __shared__ int indices[kThreads];
  __shared__ bool is_free[kThreads];  // of those selected before
  __shared__ int count;
  __shared__ bool more;
  const int own = static_cast<int>(threadIdx.x);
  const i64 line = blockIdx.x;
  boxes += line / P::classes * P::boxes * 4;
  scores += line * P::boxes;
  sorted += line * P::boxes;
  chosen += line * P::most;
  const i64 given = *limit;
  const int wanted = static_cast<int>(given < 0 ? 0 : given < P::most ? given : P::most);
  float threshold = 0, least_score = 0;
  if constexpr (P::by_overlap) threshold = *overlap_limit;
  if constexpr (P::by_score) least_score = *least;
  int selected = 0;
  bool go_on = wanted > 0;
  for (i64 first = 0; go_on; first += kThreads) {
    int index = 0;
    bool candidate = first + own < P::boxes;
    if (candidate) {
      index = index_of(sorted[first + own]);
      if constexpr (P::by_score) candidate = scores[index] > least_score;
    }
    const Box box = box_at<P::center>(boxes + static_cast<i64>(index) * 4);
    bool free = candidate;
    for (int start = 0; start < selected; start += kThreads) {
      const int size = selected - start < kThreads ? selected - start : kThreads;
      __syncthreads();
      if (own < size)
        tile[own] = box_at<P::center>(boxes + static_cast<i64>(chosen[start + own]) * 4);
      __syncthreads();
      for (int k = 0; free && k < size; ++k) free = !overlap(box, tile[k], threshold);
    }
    __syncthreads();
    tile[own] = box;
    indices[own] = index;
    is_free[own] = free;
    if (own == kThreads - 1) more = candidate && first + kThreads < P::boxes;
    __syncthreads();
    for (int w = 0; w < kWords; ++w) {
      unsigned word = 0;
      for (int k = w * 32; free && k < own && k < w * 32 + 32; ++k)
        word |= (is_free[k] && overlap(box, tile[k], threshold) ? 1u : 0u) << (k % 32);
      overlaps[w][own] = word;
    }
    __syncthreads();
    if (own < 32) {
      int total = selected;
      for (int w = 0; w < kWords && total < wanted; ++w) {
        const int place = w * 32 + own;
        unsigned stays = is_free[place] ? 1 : 0;
        for (int k = 0; k < w; ++k) stays = overlaps[k][place] & kept[k] ? 0 : stays;
        const unsigned better = overlaps[w][place];
        unsigned word = 0;
        int before = 0, inside = 0;
        for (int lane = 0; lane < 32; ++lane) {
          const unsigned bit = __shfl_sync(0xffffffffu, stays, lane);
          if (better >> lane & bit) stays = 0;
          word |= bit << lane;
          before += lane < own && bit ? 1 : 0;
          inside += bit ? 1 : 0;
        }
        if (stays && total + before < wanted) chosen[total + before] = indices[place];
        if (own == 0) kept[w] = word;
        __syncwarp();
        total += inside;
      }
      if (own == 0) count = total < wanted ? total : wanted;
    }
    __syncthreads();
    selected = count;
    go_on = more && selected < wanted;
  }
  if (own == 0) counts[line] = selected;
}

/// A block a line: its rows behind those of the lines before it, and a share of the zeros.
template <class P>
__device__ __forceinline__ void write_rows(const int* chosen, const int* counts, i64* rows,
                                           i64* count) {
  const i64 line = blockIdx.x;
  i64 before = 0, total = 0;
  for (i64 k = threadIdx.x; k < P::lines; k += kThreads) {
    before += k < line ? counts[k] : 0;
    total += counts[k];
  }
  before = block_reduce<Sum<i64>, kThreads>(before);
  total = block_reduce<Sum<i64>, kThreads>(total);
  for (i64 k = threadIdx.x; k < counts[line]; k += kThreads) {
    i64* row = rows + (before + k) * 3;
    row[0] = line / P::classes;
    row[1] = line % P::classes;
    row[2] = chosen[line * P::most + k];
  }
  for (i64 k = total * 3 + global_thread(); k < P::lines * P::most * 3; k += P::lines * kThreads)
    rows[k] = 0;
  if (line == 0 && threadIdx.x == 0) *count = total;
}

}  // namespace suppression
