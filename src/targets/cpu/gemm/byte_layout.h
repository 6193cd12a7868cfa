#pragma once

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_tiles.h"
#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/microkernel.h"

/// How a packed B lies in memory, for what packs it and what multiplies by it.
namespace drawbar::cpu {

/// Bytes of a row of A as it is multiplied, and of a column of B.
inline int64_t depth_of(const PackedBytes& b) {
  if (b.unit == ByteUnit::words) return divide_up(b.k, 2) * 4;
  if (b.unit == ByteUnit::tiles) return TiledRows(b.k, b.plan.run).row_bytes();
  return divide_up(b.k, 4) * 4;
}

/// What its kernels do; not of tiles.
inline Multiply multiply_of(const PackedBytes& b) {
  if (b.unit == ByteUnit::words) return Multiply::words;
  if (b.unit != ByteUnit::pairs) return Multiply::dots;
  return b.plan.fours == 1 ? Multiply::fours : Multiply::pairs;
}

/// Whether rows of A are copied into one piece each before they are multiplied.
inline bool copies_rows(ByteUnit unit, bool is_signed, int64_t run) {
  return unit == ByteUnit::tiles || unit == ByteUnit::words || is_signed || run % 4 != 0;
}

/// Bytes of a panel, panels, and vectors of columns in all of them.
inline int64_t panel_bytes(const PackedBytes& b) {
  return depth_of(b) * panel_width(b.isa) * b.plan.parts;
}

inline int64_t panels_of(const PackedBytes& b) { return divide_up(b.n, panel_width(b.isa)); }

constexpr int64_t align_line(int64_t bytes) { return divide_up(bytes, 64) * 64; }

inline int64_t vectors_of(const PackedBytes& b) { return 2 * panels_of(b); }

/// What lies behind the panels of pairs: where the extras of each vector of columns begin, one more
/// number, the extras, and what they are multiplied by.
struct Extras {
  explicit Extras(const PackedBytes& b)
      : begin(panels_of(b) * panel_bytes(b)),
        extra(begin + align_line((vectors_of(b) + 1) * 4)),
        by(extra + align_line(b.plan.extras * static_cast<int64_t>(sizeof(ByteExtra)))),
        end(by + b.plan.extras * by_bytes(b)) {}

  static int64_t by_bytes(const PackedBytes& b) { return lanes(b.isa) * 4; }

  int64_t begin, extra, by, end;  // bytes into the packed B
};

/// Steps of k of all panels.
inline int64_t steps_of(const PackedBytes& b) { return panels_of(b) * depth_of(b) / 4; }

}  // namespace drawbar::cpu
