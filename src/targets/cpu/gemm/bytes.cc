#include "targets/cpu/gemm/bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "targets/cpu/gemm/byte_finish.h"
#include "targets/cpu/gemm/byte_layout.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kMostSumRows = 48;              // of sums that wait for their epilogue
constexpr int64_t kFewBytes = int64_t{16} << 10;  // of panels that stay in the first-level cache

/// How a product is cut, and the memory each thread works in.
struct Cut {
  int64_t block_rows = 0, blocks = 0;               // rows of y that one piece of work forms
  int64_t group = 0, groups = 0;                    // panels of one piece
  int64_t depth = 0;                                // bytes of a row of A as it is multiplied
  bool copied = false;                              // rows of A are copied first
  int64_t list = 0, tiles = 0, rows = 0, sums = 0;  // bytes, in this order

  int64_t bytes() const { return list + tiles + rows + sums; }
};

Cut cut_for(int64_t m, int64_t taps, int64_t k, bool is_signed, const PackedBytes& b, int threads) {
  Cut cut;
  const bool tiles = b.unit == ByteUnit::tiles;
  const int64_t panels = panels_of(b);
  cut.depth = depth_of(b);
  cut.copied = copies_rows(b.unit, is_signed, k);
  const int64_t step = tiles ? 2 * kTileRows : kMostSumRows;
  const int64_t most = std::clamp(cache_sizes().l2 / 4 / cut.depth / step, int64_t{1}, int64_t{8});
  cut.block_rows = std::min(most * step, divide_up(m, step) * step);
  cut.blocks = divide_up(m, cut.block_rows);
  // Enough pieces for the threads to end together: smaller blocks, else parts of the columns.
  while (threads > 1 && cut.blocks < 4 * threads && cut.block_rows > step) {
    cut.block_rows = divide_up(cut.block_rows / 2, step) * step;
    cut.blocks = divide_up(m, cut.block_rows);
  }
  cut.groups = std::clamp<int64_t>(divide_up(2 * threads, cut.blocks), 1, panels);
  if (threads == 1 || cut.blocks >= 2 * threads) cut.groups = 1;
  cut.group = divide_up(panels, cut.groups);
  cut.groups = divide_up(panels, cut.group);
  cut.list = align_line(cut.block_rows * taps * 8 * b.plan.parts);
  if (cut.copied) cut.rows = align_line(cut.block_rows * cut.depth);
  if (tiles)
    cut.tiles = align_line(TiledRows(b.k, b.plan.run).tiles(cut.block_rows) *
                           static_cast<int64_t>(sizeof(RowTile)));
  if (!tiles) cut.sums = kMostSumRows * 2 * panel_width(b.isa) * 4;
  return cut;
}

/// Runs may be short: memcpy's choice of a way would take longer than the copy.
inline void copy_run(std::byte* to, const std::byte* from, int64_t bytes) {
  if (bytes >= 16) {
    for (int64_t i = 0; i + 16 <= bytes; i += 16) std::memcpy(to + i, from + i, 16);
    std::memcpy(to + bytes - 16, from + bytes - 16, 16);
  } else if (bytes >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + bytes - 8, from + bytes - 8, 8);
  } else {
    for (int64_t i = 0; i < bytes; ++i) to[i] = from[i];
  }
}

/// Copies rows one behind the other, each padded with zeros to `depth`; i8 becomes u8 with 128
/// more.
void copy_rows(const std::byte* const* list, int64_t rows, int64_t taps, int64_t k, int64_t depth,
               bool is_signed, std::byte* out) {
  for (int64_t r = 0; r < rows; ++r, out += depth) {
    for (int64_t t = 0; t < taps; ++t) copy_run(out + t * k, list[t * rows + r], k);
    std::memset(out + taps * k, 0, static_cast<size_t>(depth - taps * k));
    if (!is_signed) continue;
    for (int64_t i = 0; i < taps * k; ++i) out[i] ^= std::byte{0x80};
  }
}

/// The same with each number in 16 bits.
template <class Byte>
void copy_words(const std::byte* const* list, int64_t rows, int64_t taps, int64_t k, int64_t depth,
                std::byte* out) {
  for (int64_t r = 0; r < rows; ++r, out += depth) {
    auto* words = reinterpret_cast<int16_t*>(out);
    for (int64_t t = 0; t < taps; ++t, words += k)
      std::copy_n(reinterpret_cast<const Byte*>(list[t * rows + r]), k, words);
    if (taps * k % 2 != 0) *words = 0;
  }
}

/// What all pieces of one product share.
struct Work {
  int64_t m;
  const ByteRows& a;
  const PackedBytes& b;
  void* y;
  int64_t y_ld;
  const ByteEpilogue& epilogue;
  const Cut& cut;
};

/// What one thread works in.
struct Memory {
  Memory(std::byte* bytes, const Cut& cut)
      : list(reinterpret_cast<const std::byte**>(bytes)),
        tiles(reinterpret_cast<RowTile*>(bytes + cut.list)),
        rows(bytes + cut.list + cut.tiles),
        sums(reinterpret_cast<int32_t*>(rows + cut.rows)) {}

  const std::byte** list;
  RowTile* tiles;
  std::byte* rows;
  int32_t* sums;
};

void set_extras(const PackedBytes& b, int64_t panel, KernelArgs& args) {
  const Extras at(b);
  const auto* begin = reinterpret_cast<const int32_t*>(b.data + at.begin) + 2 * panel;
  const auto* extra = reinterpret_cast<const ByteExtra*>(b.data + at.extra);
  args.extra = extra + begin[0];
  for (int vector = 0; vector < 2; ++vector) args.extra_ends[vector] = extra + begin[vector + 1];
  args.extra_b = b.data + at.by + begin[0] * Extras::by_bytes(b);
}

AddedTerms added_terms(const ByteEpilogue& e) {
  AddedTerms terms;
  const auto low = static_cast<float>((e.to == ElementType::i8 ? -128 : 0) - e.zero);
  std::ranges::fill(terms.low, low);
  std::ranges::fill(terms.high, low + 255);
  std::ranges::fill(terms.between, static_cast<float>(e.zero));
  std::ranges::fill(terms.factor, e.added->factor);
  std::ranges::fill(terms.other_factor, e.added->other_factor);
  std::ranges::fill(terms.addend, e.added->addend);
  return terms;
}

/// Rows [row, row + rows) of y in the panels [panel, panel_end) by generated kernels, the pointers
/// of A's rows being in memory.list.
void multiply_vectors(const Work& w, const Memory& memory, int64_t row, int64_t rows, int64_t panel,
                      int64_t panel_end) {
  const PackedBytes& b = w.b;
  const int64_t width = panel_width(b.isa), lane = lanes(b.isa), ld = 2 * width;
  const int64_t at_once = lane == 16 && b.unit == ByteUnit::dots ? 2 : 1;  // panels
  KernelShape shape;
  shape.isa = b.isa;
  shape.multiply = multiply_of(b);
  shape.row_source = RowSource::pointers;
  KernelArgs args;
  args.lanes = lane;
  args.list_stride = rows * 8;
  args.taps = (w.cut.copied ? 1 : w.a.taps) * b.plan.parts;
  args.k_end = w.cut.copied ? w.cut.depth : w.a.k;
  args.b_step = args.prefetch_step = panel_bytes(b);
  const int64_t end = std::min(panel_end * width, b.n);
  const ByteEpilogue& e = w.epilogue;
  const bool to_u8 = e.y_type() == ElementType::u8;
  const bool finishable =
      e.bounded && bits(e.to) == 8 && (e.added == nullptr || e.added->other_type == e.added->to);
  const Stored finished = e.added == nullptr ? (to_u8 ? Stored::u8 : Stored::i8)
                                             : (to_u8 ? Stored::u8_added : Stored::i8_added);
  args.zero = e.zero;
  AddedTerms terms;
  if (e.added != nullptr) {
    terms = added_terms(e);
    args.added = &terms;
    args.zero = e.added->zero;
    args.residual_stride = e.added->other_ld;
    args.other_first = e.added->other_first ? 1 : 0;
  }
  const auto multiply_panels = [&](int64_t at, int64_t row_begin, int64_t row_end) {
    const int64_t column = at * width, columns = std::min(at_once * width, end - column);
    args.vectors = divide_up(columns, lane);
    shape.vectors = static_cast<int>(args.vectors);
    const bool finishes = finishable && stores_bytes(b.isa, columns);
    shape.stored = finishes ? finished : Stored::numbers;
    args.last_columns = finishes ? columns - (args.vectors - 1) * lane : lane;
    args.c_stride = finishes ? w.y_ld : ld * 4;
    if (finishes) {
      args.offset = e.offset + column;
      args.multiplier = e.multiplier + column;
      args.addend = e.addend + column;
    }
    const int64_t most = max_byte_rows(b.isa, shape.vectors, shape.multiply);
    args.b = reinterpret_cast<const float*>(b.data + at * args.b_step);
    const bool is_last = at + at_once >= panel_end;
    args.prefetch = is_last ? args.b : args.b + at_once * args.b_step / 4;
    args.prefetch_end = args.prefetch + (is_last ? 0 : at_once * args.b_step / 4);
    if (b.unit == ByteUnit::pairs) set_extras(b, at, args);
    for (int64_t r = row_begin; r < row_end; r += kMostSumRows) {
      const int64_t count = std::min(kMostSumRows, row_end - r);
      args.a_list = reinterpret_cast<const float* const*>(memory.list + r);
      std::byte* const y = static_cast<std::byte*>(w.y) + (row + r) * w.y_ld + column;
      args.c = finishes ? reinterpret_cast<float*>(y) : reinterpret_cast<float*>(memory.sums);
      if (e.added != nullptr) {
        const auto* other = static_cast<const std::byte*>(e.added->other);
        args.residual =
            reinterpret_cast<const float*>(other + (row + r) * e.added->other_ld + column);
      }
      for_tile_heights(count, most, [&](int64_t height, int64_t tiles) {
        args.rows = height;
        args.tiles = tiles;
        shape.rows = static_cast<int>(height);
        kernel(shape)(&args);
      });
      if (!finishes)
        finish_bytes(e, memory.sums, ld, row + r, column, count, columns, w.y, w.y_ld, b.isa);
    }
  };
  // Few panels stay in the cache while rows pass, so that rows of y are written whole.
  const bool few = (panel_end - panel) * args.b_step <= kFewBytes;
  const int64_t step = few ? kMostSumRows : rows;
  for (int64_t r = 0; r < rows; r += step) {
    for (int64_t at = panel; at < panel_end; at += at_once)
      multiply_panels(at, r, std::min(r + step, rows));
  }
}

/// Makes the rows of a block ready: pointers, or a copy and pointers to that, for each part.
void prepare_rows(const Work& w, const Memory& memory, int64_t row, int64_t rows) {
  const ByteRows& a = w.a;
  int64_t taps = a.taps;
  if (w.b.unit == ByteUnit::tiles) {
    return find_tiles(TiledRows(w.b.k, w.b.plan.run), a, row, rows, memory.list, memory.tiles,
                      memory.rows);
  }
  a.fill(row, rows, memory.list);
  if (w.cut.copied) {
    if (w.b.unit == ByteUnit::words) {
      const auto copy = a.is_signed ? copy_words<int8_t> : copy_words<uint8_t>;
      copy(memory.list, rows, taps, a.k, w.cut.depth, memory.rows);
    } else {
      copy_rows(memory.list, rows, taps, a.k, w.cut.depth, a.is_signed, memory.rows);
    }
    for (int64_t r = 0; r < rows; ++r) memory.list[r] = memory.rows + r * w.cut.depth;
    taps = 1;
  }
  for (int64_t part = 1; part < w.b.plan.parts; ++part)
    std::copy_n(memory.list, taps * rows, memory.list + part * taps * rows);
}

}  // namespace

const char* name(ByteUnit unit) {
  constexpr const char* kNames[] = {"plain", "words", "pairs", "dots", "tiles"};
  return kNames[static_cast<size_t>(unit)];
}

std::vector<ByteUnit> byte_units(Isa isa) {
  std::vector<ByteUnit> units;
  if (isa == Isa::amx) units.push_back(ByteUnit::tiles);
  if (isa >= Isa::avx2) {
    if (has_byte_dots(isa)) units.push_back(ByteUnit::dots);
    units.push_back(ByteUnit::pairs);
    units.push_back(ByteUnit::words);
  }
  if (isa == Isa::baseline) units.push_back(ByteUnit::plain);
  return units;
}

ByteUnit byte_unit(Isa isa) { return byte_units(isa).front(); }

bool is_bounded(const ByteEpilogue& e, int64_t n) {
  constexpr float kMost = 0.5f, kMostAddend = 1 << 29, kMostFactor = 1 << 20;
  // Compared by their bits, which not-a-numbers have more of, so that it becomes a loop of vectors.
  const auto exceeds = [](float value, float most) {
    return (std::bit_cast<uint32_t>(value) & 0x7fffffff) >= std::bit_cast<uint32_t>(most);
  };
  uint32_t beyond = 0;
  for (int64_t j = 0; j < n; ++j)
    beyond |= static_cast<uint32_t>(exceeds(e.multiplier[j], kMost)) |
              static_cast<uint32_t>(exceeds(e.addend[j], kMostAddend));
  const bool bounded = beyond == 0;
  if (e.added == nullptr) return bounded;
  return bounded && std::abs(e.added->factor) < kMostFactor &&
         std::abs(e.added->other_factor) < kMostFactor && std::abs(e.added->addend) < kMostAddend;
}

int64_t multiply_bytes_scratch(int64_t m, int64_t taps, int64_t k, bool is_signed,
                               const PackedBytes& b, int threads) {
  return std::max(cut_for(m, taps, k, is_signed, b, 1).bytes(),
                  threads * cut_for(m, taps, k, is_signed, b, threads).bytes());
}

void multiply_bytes(int64_t m, const ByteRows& a, const PackedBytes& b, void* y, int64_t y_ld,
                    const ByteEpilogue& epilogue, void* scratch, ThreadPool* pool) {
  if (m <= 0 || b.n <= 0) return;
  const Cut cut = cut_for(m, a.taps, a.k, a.is_signed, b, pool == nullptr ? 1 : pool->threads());
  const Work work{m, a, b, y, y_ld, epilogue, cut};
  const int64_t panels = panels_of(b);
  const auto body = [&](int64_t begin, int64_t end, int worker) {
    const Memory memory(static_cast<std::byte*>(scratch) + worker * cut.bytes(), cut);
    int64_t ready = -1;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t block = unit / cut.groups, panel = unit % cut.groups * cut.group;
      const int64_t row = block * cut.block_rows, rows = std::min(cut.block_rows, m - row);
      const int64_t panel_end = std::min(panel + cut.group, panels);
      const bool is_first = ready < 0;
      if (ready != block) prepare_rows(work, memory, row, rows);
      ready = block;
      if (b.unit == ByteUnit::tiles) {
        TiledRows tiled(b.k, b.plan.run);
        tiled.tile = memory.tiles;
        multiply_byte_tiles(tiled, a, b, is_first, row, rows, panel, panel_end, y, y_ld, epilogue);
      } else {
        multiply_vectors(work, memory, row, rows, panel, panel_end);
      }
    }
  };
  const int64_t units = cut.blocks * cut.groups;
  if (pool == nullptr) {
    body(0, units, 0);
  } else {
    pool->parallel_for(units, 1, body);
  }
}

}  // namespace drawbar::cpu
