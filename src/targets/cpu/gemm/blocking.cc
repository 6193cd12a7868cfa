#include "targets/cpu/gemm/blocking.h"

#include <algorithm>

#include "targets/cpu/gemm/microkernel.h"

namespace drawbar::cpu {
namespace {

/// The k of a pass: what a pass reads of A and B stays in the second-level cache.
constexpr int64_t kPassLength = 768;
constexpr int64_t kFewRows = 96;          // each value of B is read for no more than these
constexpr double kGrainWork = 400 * 1e3;  // multiply-adds worth waking a thread for

/// Few rows need many vectors to keep the multipliers busy. With AVX-512, 6 × 4 tiles run at 98 %
/// of the peak from the first-level cache and 12 × 2 at 94 %, the loads being fewer; but 7 to 12
/// rows read B once instead of twice.
int tile_vectors(int64_t m, Isa isa) {
  if (isa >= Isa::avx512) return m <= 3 ? 8 : m <= 6 || m > 12 ? 4 : 2;
  return m <= 1 ? 8 : m <= 3 ? 4 : 2;
}

}  // namespace

int next_vectors(int64_t left, int most) {
  if (left == most + 1 && most >= 4) return most - 2;  // 5 is 2 + 3
  return static_cast<int>(std::min<int64_t>(left, most));
}

Blocking choose_blocking(int64_t m, int64_t n, int64_t taps, int64_t k, int threads, Isa isa) {
  Blocking result;
  result.vectors = tile_vectors(m, isa);
  const int64_t tile_rows = max_rows(isa, result.vectors);

  result.block_taps = taps;
  result.part_k = k;
  if (m > tile_rows && k > kPassLength) {
    result.parts = divide_up(k, kPassLength);
    result.part_k = divide_up(divide_up(k, result.parts), 4) * 4;
    result.parts = divide_up(k, result.part_k);
    result.k_blocks = result.parts * taps;
    result.block_taps = 1;
  } else if (m > tile_rows && k * taps > kPassLength) {
    const int64_t most = std::max<int64_t>(kPassLength / std::max<int64_t>(k, 1), 1);
    result.block_taps = divide_up(taps, divide_up(taps, most));
    result.k_blocks = divide_up(taps, result.block_taps);
  }

  result.unit_panels = divide_up(result.vectors, 2);
  const int64_t panels = divide_up(n, panel_width(isa));
  const int64_t units = divide_up(panels, result.unit_panels);
  // Taps of neighbouring pixels overlap: about two rows of k are a pixel's own.
  const int64_t row_k = taps > 1 ? 2 * k : k;
  int64_t rows = cache_sizes().l2 / 4 / (4 * std::max<int64_t>(row_k, 1));
  rows = std::clamp(rows, 16 * tile_rows, 64 * tile_rows);
  int64_t blocks = divide_up(m, rows);
  if (threads > 1 && m <= kFewRows && units < 8 * threads && panels >= 4 * threads) {
    // Each thread reads its part of B, not all of it for its part of the rows.
    if (units % threads != 0) {
      result.unit_panels = 1;
      result.grain = divide_up(panels, 2 * threads);
    }
  } else if (threads > 1 && blocks * units < 8 * threads) {
    blocks = std::min(divide_up(8 * threads, units), std::max<int64_t>(m / (4 * tile_rows), 1));
  }
  // Whole blocks for every thread: it reads in the next step the rows that it wrote in this one.
  if (blocks > 1 && blocks % threads != 0) blocks = divide_up(blocks, threads) * threads;
  result.block_rows = divide_up(std::max<int64_t>(m, 1), blocks);
  if (blocks > 8 * threads) result.block_rows = divide_up(result.block_rows, tile_rows) * tile_rows;

  const int64_t unit_columns = result.unit_panels * panel_width(isa);
  const int64_t tile_columns = divide_up(result.vectors, 2) * panel_width(isa);
  result.chunk = divide_up(n, tile_columns) * tile_columns;
  if (result.k_blocks > 1) {
    const int64_t columns = cache_sizes().l2 / 4 / (4 * result.block_rows);
    result.chunk = std::clamp(columns / tile_columns * tile_columns, tile_columns,
                              std::max(tile_columns, result.chunk));
  }

  const double unit_work = static_cast<double>(std::min(m, result.block_rows)) *
                           static_cast<double>(unit_columns) * static_cast<double>(k * taps);
  const auto least_grain = static_cast<int64_t>(kGrainWork / std::max(unit_work, 1.0));
  result.grain = std::max(result.grain, least_grain);
  return result;
}

}  // namespace drawbar::cpu
