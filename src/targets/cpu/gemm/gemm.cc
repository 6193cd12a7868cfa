#include "targets/cpu/gemm/gemm.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "targets/cpu/gemm/product.h"
#include "targets/cpu/gemm/split.h"
#include "targets/cpu/gemm/widened.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kFewTiles = 4;          // of rows, that share a panel
constexpr int64_t kLargeBytes = 1 << 20;  // of a B that a core's cache may not hold
constexpr int64_t kWidenedTiles = 4;      // of rows, for which panels of halves become f32 first

/// What a single tile reads, it waits for. A line per tile and 4 k brings the next panels in time
/// only if many tiles share the present ones.
Prefetch choose_prefetch(const PackedMatrix& b, int64_t tiles) {
  if (tiles == 1) return Prefetch::along;
  const bool distant = b.next != nullptr || packed_bytes(b.k, b.n, b.isa, b.element) >= kLargeBytes;
  return tiles <= kFewTiles && distant ? Prefetch::next_panels_more : Prefetch::next_panels;
}

/// What multiplies by panels of such elements.
Multiply multiply_by(ElementType element) {
  switch (element) {
    case ElementType::f16:
      return Multiply::f16;
    case ElementType::bf16:
      return Multiply::bf16;
    default:
      return Multiply::f32;
  }
}

/// One pass over the rows of a block and the columns of a tile, args being set up for both. Rows
/// are split evenly: `taller` tiles of `height` + 1 rows, then tiles of `height` rows.
void run_tiles(KernelArgs& args, KernelShape shape, int64_t rows) {
  const int64_t most = max_rows(shape.isa, shape.vectors);
  for_tile_heights(rows, most, [&](int64_t height, int64_t count) {
    args.rows = height;
    args.tiles = count;
    shape.rows = static_cast<int>(height);
    kernel(shape)(&args);
  });
}

/// Computes rows [row, row + rows) of the columns [begin, end), all passes, one after the other:
/// few enough columns that C stays in the second-level cache meanwhile.
void compute_chunk(const Product& p, int64_t row, int64_t rows, int64_t begin, int64_t end,
                   const float** list) {
  const Blocking& blocking = p.blocking;
  const Epilogue& epilogue = *p.epilogue;
  const Isa isa = p.b->isa;
  const int64_t lane = lanes(isa);
  KernelShape shape;
  shape.isa = isa;
  shape.row_source = p.indirect == nullptr ? RowSource::strided : RowSource::pointers;
  KernelArgs args;
  args.lanes = lane;
  args.a_stride = p.lda * 4;
  args.list_stride = rows * 8;
  args.c_stride = p.ldc * 4;
  args.residual_stride = epilogue.residual_ld * 4;
  args.alpha = epilogue.alpha;
  args.beta = epilogue.beta;
  args.prefetch_step = p.b->bytes(p.b->k * panel_width(isa));
  const bool many = divide_up(rows, max_rows(isa, blocking.vectors)) >= kWidenedTiles;
  WidenedPanels widened(p, many ? blocking.vectors * lane : 0, pass_of(p, 0).length());
  for (int64_t index = 0; index < blocking.k_blocks; ++index) {
    const bool first = index == 0;
    const bool last = index + 1 == blocking.k_blocks;
    const Pass pass = pass_of(p, index);
    args.taps = pass.taps;
    args.k_begin = pass.k_begin * 4;
    args.k_end = pass.k_end * 4;
    args.accumulate = !first || epilogue.accumulate;
    if (last) args.activation = static_cast<int64_t>(epilogue.activation);
    int64_t next = 0;
    for (int64_t column = begin; column < end; column = next) {
      const int vectors = next_vectors(divide_up(end - column, lane), blocking.vectors);
      next = column + vectors * lane;
      const int64_t columns = std::min(next, end) - column;
      args.vectors = vectors;
      args.last_columns = columns - (vectors - 1) * lane;
      const std::byte* b = b_at(p, column, pass);
      const std::byte* then = next < end             ? b_at(p, next, pass)
                              : !last                ? b_at(p, begin, pass_of(p, index + 1))
                              : next < p.b->n        ? b_at(p, next, pass_of(p, 0))
                              : p.b->next != nullptr ? static_cast<const std::byte*>(p.b->next)
                                                     : b;
      args.prefetch = reinterpret_cast<const float*>(then);
      args.prefetch_end =
          reinterpret_cast<const float*>(then + p.b->bytes((pass.length() - 1) * panel_width(isa)));
      args.b = reinterpret_cast<const float*>(b);
      args.b_step = args.prefetch_step;
      shape.vectors = vectors;
      shape.multiply = multiply_by(p.b->element);
      shape.prefetch = choose_prefetch(*p.b, divide_up(rows, max_rows(isa, vectors)));
      if (widened) {
        args.b = widened.take(column, columns, pass);
        args.b_step = pass.length() * panel_width(isa) * 4;
        shape.multiply = Multiply::f32;
        // A chunk has whole tiles: the next one is as wide but for B's end.
        if (next < end) {
          widened.begin(next, std::min(end - next, vectors * lane), pass, args, shape);
        } else if (!last) {
          widened.begin(begin, std::min(end - begin, vectors * lane), pass_of(p, index + 1), args,
                        shape);
        }
      }
      args.bias = first && epilogue.bias != nullptr ? epilogue.bias + column : nullptr;
      args.c = p.c + row * p.ldc + column;
      args.residual = last && epilogue.residual != nullptr
                          ? epilogue.residual + row * epilogue.residual_ld + column
                          : nullptr;
      if (p.indirect != nullptr) {
        args.a_list = list + pass.tap * rows;
      } else {
        args.a = p.a + row * p.lda;
      }
      run_tiles(args, shape, rows);
      widened.end(args);
      if (last && epilogue.hook != nullptr) {
        (*epilogue.hook)(p.c + row * p.ldc + column, p.ldc, row, column, rows, columns);
      }
    }
  }
}

/// Computes rows [row, row + rows) of the panels [panel, panel_end).
void compute_block(const Product& p, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
                   const float** list) {
  if (p.split && compute_split_block(p, row, rows, panel, panel_end, list)) return;
  if (p.indirect != nullptr) p.indirect->fill(row, rows, list);
  const int64_t width = panel_width(p.b->isa);
  const int64_t end = std::min(panel_end * width, p.b->n);
  for (int64_t column = panel * width; column < end; column += p.blocking.chunk) {
    compute_chunk(p, row, rows, column, std::min(end, column + p.blocking.chunk), list);
  }
}

/// Runs the units [begin, end) of a product, blocks of rows lying one after the other.
void run_units(const Product& p, int64_t m, int64_t begin, int64_t end, const float** list) {
  const Blocking& blocking = p.blocking;
  const int64_t step = blocking.unit_panels;
  const int64_t panels = divide_up(p.b->n, panel_width(p.b->isa));
  const int64_t units = divide_up(panels, step);
  while (begin < end) {
    const int64_t block = begin / units;
    const int64_t first = begin % units;
    const int64_t count = std::min(units - first, end - begin);
    const int64_t row = block * blocking.block_rows;
    compute_block(p, row, std::min(blocking.block_rows, m - row), first * step,
                  std::min(panels, (first + count) * step), list);
    begin += count;
  }
}

/// How C [m, n] is cut, with `taps` runs of k in a row of A.
Blocking blocking_for(bool split, int64_t m, int64_t n, int64_t taps, int64_t k, int threads,
                      Isa isa, int64_t parts) {
  return split ? choose_split_blocking(m, n, taps, k, threads, parts)
               : choose_blocking(m, n, taps, k, threads, isa);
}

/// Whether the tile unit forms the product of m rows by b.
bool on_tiles(int64_t m, const PackedMatrix& b) {
  return b.tiles || split_pays(m, b.whole_n > 0 ? b.whole_n : b.n, b.k, b.isa, b.tile_parts());
}

}  // namespace

bool tiles_pay(int64_t m, int64_t n, int64_t taps, int64_t k, Isa isa, ElementType element) {
  const bool whole_steps = taps == 1 || k % kTileDepth == 0;  // so that passes begin at one
  return element == ElementType::f32 && whole_steps &&
         split_pays(m, n, taps * k, isa, PackedMatrix{}.tile_parts(), true);
}

void run_product(Product& p, int64_t m, void* scratch, ThreadPool* pool) {
  if (m == 0 || p.b->n == 0) return;
  static std::atomic<uint64_t> products{0};
  p.id = ++products;
  p.blocking = blocking_for(p.split, m, p.b->n, p.taps, p.k, pool == nullptr ? 1 : pool->threads(),
                            p.b->isa, p.b->tile_parts());
  const Blocking& blocking = p.blocking;
  const int64_t step = blocking.unit_panels;
  const int64_t panels = divide_up(p.b->n, panel_width(p.b->isa));
  const int64_t units = divide_up(panels, step) * divide_up(m, blocking.block_rows);
  const int64_t list_length = blocking.block_rows * p.taps;
  const auto body = [&](int64_t begin, int64_t end, int worker) {
    const float** list = p.indirect == nullptr
                             ? nullptr
                             : static_cast<const float**>(scratch) + worker * list_length;
    run_units(p, m, begin, end, list);
  };
  if (pool == nullptr) {
    body(0, units, 0);
  } else {
    pool->parallel_for(units, blocking.grain, body);
  }
}

void gemm(int64_t m, const float* a, int64_t lda, const PackedMatrix& b, float* c, int64_t ldc,
          const Epilogue& epilogue, ThreadPool* pool) {
  Product p;
  p.a = a;
  p.lda = lda;
  p.k = b.k;
  p.b = &b;
  p.c = c;
  p.ldc = ldc;
  p.epilogue = &epilogue;
  p.split = on_tiles(m, b);
  run_product(p, m, nullptr, pool);
}

int64_t gemm_indirect_scratch_bytes(int64_t m, int64_t taps, int64_t k, int64_t n, int threads,
                                    Isa isa, ElementType b) {
  const int64_t parts = PackedMatrix{.element = b}.tile_parts();
  int64_t most = 0;
  for (int count : {1, threads}) {
    for (const bool split : {false, isa == Isa::amx}) {
      const Blocking blocking = blocking_for(split, m, n, taps, k, count, isa, parts);
      most = std::max(most, count * blocking.block_rows * taps * 8);
    }
  }
  return most;
}

void gemm_indirect(int64_t m, const IndirectRows& a, const PackedMatrix& b, float* c, int64_t ldc,
                   const Epilogue& epilogue, void* scratch, ThreadPool* pool) {
  Product p;
  p.indirect = &a;
  p.taps = a.taps;
  p.k = a.k;
  p.b = &b;
  p.c = c;
  p.ldc = ldc;
  p.epilogue = &epilogue;
  p.split = on_tiles(m, b);
  run_product(p, m, scratch, pool);
}

}  // namespace drawbar::cpu
