#include "targets/cpu/gemm/bytes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_finish.h"
#include "targets/cpu/gemm/byte_tiles.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kPairBound = 128;   // |b0| + |b1|: 255 times that fits 16 bits
constexpr int64_t kMostSumRows = 48;  // of sums that wait for their epilogue

int64_t depth_of(const PackedBytes& b) {
  const int64_t unit = b.unit == ByteUnit::tiles ? kByteDepth : 4;
  return divide_up(b.k, unit) * unit;
}

Multiply multiply_of(ByteUnit unit) {
  return unit == ByteUnit::pairs ? Multiply::pairs : Multiply::dots;
}

/// The parts of a number, which add up to it and differ by 1 at most, the smallest first.
int64_t part_of(int64_t value, int64_t parts, int64_t part) {
  const int64_t sum = value + part;
  return sum >= 0 ? sum / parts : -((parts - 1 - sum) / parts);
}

/// Bytes of a panel.
int64_t panel_bytes(const PackedBytes& b) { return depth_of(b) * panel_width(b.isa) * b.parts; }

constexpr int64_t align_line(int64_t bytes) { return divide_up(bytes, 64) * 64; }

/// How a product is cut, and the memory each thread works in.
struct Cut {
  int64_t block_rows = 0, blocks = 0;                // rows of y that one piece of work forms
  int64_t group = 0, groups = 0;                     // panels of one piece
  int64_t depth = 0;                                 // bytes of a row of A as it is multiplied
  bool copied = false;                               // rows of A are copied first
  int64_t list = 0, rows = 0, sums = 0, values = 0;  // bytes, in this order

  int64_t bytes() const { return list + rows + sums + values; }
};

Cut cut_for(int64_t m, int64_t taps, int64_t k, bool is_signed, const PackedBytes& b, int threads) {
  Cut cut;
  const bool tiles = b.unit == ByteUnit::tiles;
  const int64_t panels = divide_up(b.n, panel_width(b.isa));
  cut.depth = depth_of(b);
  cut.copied = tiles || is_signed || k % 4 != 0;
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
  cut.list = align_line(cut.block_rows * taps * 8 * b.parts);
  if (cut.copied)
    cut.rows =
        tiles ? tiled_rows_bytes(cut.block_rows, b.k) : align_line(cut.block_rows * cut.depth);
  if (!tiles) cut.sums = kMostSumRows * 2 * panel_width(b.isa) * 4;
  if (!tiles) cut.values = cut.sums;
  return cut;
}

/// Copies rows one behind the other, each padded with zeros to `depth`; i8 becomes u8 with 128
/// more.
void copy_rows(const std::byte* const* list, int64_t rows, int64_t taps, int64_t k, int64_t depth,
               bool is_signed, std::byte* out) {
  for (int64_t r = 0; r < rows; ++r, out += depth) {
    for (int64_t t = 0; t < taps; ++t)
      std::memcpy(out + t * k, list[t * rows + r], static_cast<size_t>(k));
    std::memset(out + taps * k, 0, static_cast<size_t>(depth - taps * k));
    if (!is_signed) continue;
    for (int64_t i = 0; i < taps * k; ++i) out[i] ^= std::byte{0x80};
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
        rows(bytes + cut.list),
        sums(reinterpret_cast<int32_t*>(rows + cut.rows)),
        values(reinterpret_cast<float*>(rows + cut.rows + cut.sums)) {}

  const std::byte** list;
  std::byte* rows;
  int32_t* sums;
  float* values;
};

/// Rows [row, row + rows) of y in the panels [panel, panel_end) by generated kernels, the pointers
/// of A's rows being in memory.list.
void multiply_vectors(const Work& w, const Memory& memory, int64_t row, int64_t rows, int64_t panel,
                      int64_t panel_end) {
  const PackedBytes& b = w.b;
  const int64_t width = panel_width(b.isa), lane = lanes(b.isa), ld = 2 * width;
  const int64_t at_once = lane == 16 ? 2 : 1;  // panels
  KernelShape shape;
  shape.isa = b.isa;
  shape.multiply = multiply_of(b.unit);
  shape.row_source = RowSource::pointers;
  KernelArgs args;
  args.lanes = lane;
  args.list_stride = rows * 8;
  args.taps = (w.cut.copied ? 1 : w.a.taps) * b.parts;
  args.k_end = w.cut.copied ? w.cut.depth : w.a.k;
  args.b_step = panel_bytes(b);
  args.c_stride = ld * 4;
  const int64_t end = std::min(panel_end * width, b.n);
  for (; panel < panel_end; panel += at_once) {
    const int64_t column = panel * width, columns = std::min(at_once * width, end - column);
    args.vectors = divide_up(columns, lane);
    shape.vectors = static_cast<int>(args.vectors);
    args.last_columns = lane;  // the sums have room
    const int64_t most = max_byte_rows(b.isa, shape.vectors, shape.multiply);
    args.b = reinterpret_cast<const float*>(b.data + panel * args.b_step);
    args.prefetch = args.prefetch_end = args.b;
    for (int64_t r = 0; r < rows; r += kMostSumRows) {
      const int64_t count = std::min(kMostSumRows, rows - r);
      args.a_list = reinterpret_cast<const float* const*>(memory.list + r);
      args.c = reinterpret_cast<float*>(memory.sums);
      for_tile_heights(count, most, [&](int64_t height, int64_t tiles) {
        args.rows = height;
        args.tiles = tiles;
        shape.rows = static_cast<int>(height);
        kernel(shape)(&args);
      });
      finish_bytes(w.epilogue, memory.sums, memory.values, ld, row + r, column, count, columns, w.y,
                   w.y_ld, b.isa);
    }
  }
}

/// Makes the rows of a block ready: pointers, or a copy and pointers to that, for each part.
void prepare_rows(const Work& w, const Memory& memory, int64_t row, int64_t rows) {
  const ByteRows& a = w.a;
  a.fill(row, rows, memory.list);
  int64_t taps = a.taps;
  if (w.b.unit == ByteUnit::tiles) return tile_rows(memory.list, rows, taps, a.k, memory.rows);
  if (w.cut.copied) {
    copy_rows(memory.list, rows, taps, a.k, w.cut.depth, a.is_signed, memory.rows);
    for (int64_t r = 0; r < rows; ++r) memory.list[r] = memory.rows + r * w.cut.depth;
    taps = 1;
  }
  for (int64_t part = 1; part < w.b.parts; ++part)
    std::copy_n(memory.list, taps * rows, memory.list + part * taps * rows);
}

}  // namespace

const char* name(ByteUnit unit) {
  constexpr const char* kNames[] = {"plain", "pairs", "dots", "tiles"};
  return kNames[static_cast<size_t>(unit)];
}

std::vector<ByteUnit> byte_units(Isa isa) {
  std::vector<ByteUnit> units;
  if (isa == Isa::amx) units.push_back(ByteUnit::tiles);
  if (isa >= Isa::avx2) {
    if (has_byte_dots(isa)) units.push_back(ByteUnit::dots);
    units.push_back(ByteUnit::pairs);
  }
  if (isa == Isa::baseline) units.push_back(ByteUnit::plain);
  return units;
}

ByteUnit byte_unit(Isa isa) { return byte_units(isa).front(); }

int64_t parts_for(const int16_t* b, int64_t k, int64_t n, ByteUnit unit) {
  int64_t parts = 1;
  const auto fits = [&](int64_t i, int64_t j) {
    const int64_t value = b[i * n + j], below = i + 1 < k ? b[(i + 1) * n + j] : 0;
    const int64_t largest = part_of(value, parts, parts - 1);
    if (part_of(value, parts, 0) < -128 || largest > 127) return false;
    if (unit != ByteUnit::pairs || i % 2 != 0) return true;
    const auto most = [&](int64_t x) {
      return std::max(std::abs(part_of(x, parts, 0)), std::abs(part_of(x, parts, parts - 1)));
    };
    return most(value) + most(below) <= kPairBound;
  };
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      while (!fits(i, j)) ++parts;
    }
  }
  return parts;
}

int64_t packed_size(const PackedBytes& matrix) {
  return divide_up(matrix.n, panel_width(matrix.isa)) * panel_bytes(matrix);
}

void pack_bytes(const int16_t* b, const PackedBytes& matrix, std::byte* packed) {
  const int64_t width = panel_width(matrix.isa), n = matrix.n;
  const int64_t part_bytes = depth_of(matrix) * width;
  std::memset(packed, 0, static_cast<size_t>(packed_size(matrix)));
  for (int64_t i = 0; i < matrix.k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      std::byte* to = packed + j / width * panel_bytes(matrix) + i / 4 * width * 4 + j % width * 4;
      for (int64_t part = 0; part < matrix.parts; ++part) {
        to[part * part_bytes + i % 4] =
            static_cast<std::byte>(part_of(b[i * n + j], matrix.parts, part));
      }
    }
  }
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
  const int64_t panels = divide_up(b.n, panel_width(b.isa));
  const auto body = [&](int64_t begin, int64_t end, int worker) {
    const Memory memory(static_cast<std::byte*>(scratch) + worker * cut.bytes(), cut);
    int64_t ready = -1;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t block = unit / cut.groups, panel = unit % cut.groups * cut.group;
      const int64_t row = block * cut.block_rows, rows = std::min(cut.block_rows, m - row);
      const int64_t panel_end = std::min(panel + cut.group, panels);
      if (ready != block) prepare_rows(work, memory, row, rows);
      ready = block;
      if (b.unit == ByteUnit::tiles) {
        multiply_byte_tiles(memory.rows, a.is_signed, b, row, rows, panel, panel_end, y, y_ld,
                            epilogue);
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
