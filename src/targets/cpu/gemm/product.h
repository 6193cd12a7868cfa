#pragma once

#include <algorithm>
#include <cstddef>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/gemm/tile_unit.h"

namespace drawbar::cpu {

/// One product with everything that does not change from block to block.
struct Product {
  const float* a = nullptr;  // strided rows, or null
  int64_t lda = 0;
  const IndirectRows* indirect = nullptr;
  int64_t taps = 1;
  int64_t k = 0;
  const PackedMatrix* b = nullptr;
  float* c = nullptr;
  int64_t ldc = 0;
  const Epilogue* epilogue = nullptr;
  Blocking blocking;
  uint64_t id = 0;     // of this process's products
  bool split = false;  // formed on the tile unit (split.h)
};

/// A pass over k: some whole taps, or a part of one.
struct Pass {
  int64_t tap, taps, k_begin, k_end;

  int64_t length() const { return taps * (k_end - k_begin); }
};

inline Pass pass_of(const Product& p, int64_t index) {
  const Blocking& blocking = p.blocking;
  if (blocking.parts == 1) {
    const int64_t tap = index * blocking.block_taps;
    return {tap, std::min(blocking.block_taps, p.taps - tap), 0, p.k};
  }
  const int64_t k_begin = index % blocking.parts * blocking.part_k;
  return {index / blocking.parts, 1, k_begin, std::min(p.k, k_begin + blocking.part_k)};
}

/// Where a pass reads B for the tiles from `column`, the start of a panel.
inline const std::byte* b_at(const Product& p, int64_t column, const Pass& pass) {
  const int64_t k = pass.tap * p.k + pass.k_begin;
  if (p.b->tiles) {
    const int64_t parts = p.b->tile_parts();
    return static_cast<const std::byte*>(p.b->data) +
           column / kTilePanel * split_bytes(p.b->k, parts) + split_bytes(k, parts);
  }
  const int64_t elements = column * p.b->k + k * panel_width(p.b->isa);
  return static_cast<const std::byte*>(p.b->data) + p.b->bytes(elements);
}

/// Where tap `tap` of row `row` of A is, `list` having the pointers of `rows` rows from `first` on.
inline const float* a_at(const Product& p, int64_t first, int64_t rows, const float* const* list,
                         int64_t row, int64_t tap) {
  return p.indirect == nullptr ? p.a + row * p.lda : list[tap * rows + row - first];
}

/// Runs the product with m rows; sets its blocking and id. `split` is as its maker wants it, but
/// vectors form what a thread without memory for it would.
void run_product(Product& p, int64_t m, void* scratch, ThreadPool* pool);

}  // namespace drawbar::cpu
