// Products whose B is known at run time only.
#include <algorithm>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/dot.h"
#include "targets/cpu/gemm/gemm.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kGroupBytes = 256 << 10;  // of packed B in a worker's second-level cache
constexpr int64_t kDotRows = 4;             // a transposed B is worth packing for more rows of A
constexpr double kGrainWork = 400 * 1e3;    // multiply-adds worth waking a thread for

enum class Method {
  row_major,  // few rows of A: B is read as it lies
  dots,       // few rows of A, B transposed
  by_panels,  // each worker packs the panels it is about to use
  whole,      // few large products: all workers pack, then all multiply
};

struct Plan {
  Method method = Method::by_panels;
  int vectors = 2;         // row_major: of a tile
  int64_t unit = 1;        // columns of a piece of work, a multiple of the panel width
  int64_t units = 1;       // pieces per item
  int64_t scratch = 0;     // bytes in all
  int64_t per_worker = 0;  // floats
};

Plan make_plan(const BatchShape& shape, int threads, Isa isa) {
  Plan plan;
  const int64_t width = panel_width(isa);
  if (shape.b_transposed && shape.m <= kDotRows) {
    plan.method = Method::dots;
    plan.unit = 64;
  } else if (!shape.b_transposed && shape.m <= max_rows(isa, 2, ColumnSource::row_major)) {
    plan.method = Method::row_major;
    plan.vectors = 2;
    for (int vectors : {4, 8}) {
      if (shape.m <= max_rows(isa, vectors, ColumnSource::row_major)) plan.vectors = vectors;
    }
    plan.unit = plan.vectors * lanes(isa);
  } else {
    const int64_t panels = divide_up(shape.n, width);
    const int64_t panel_bytes = std::max<int64_t>(shape.k, 1) * width * 4;
    if (threads > 1 && shape.count * panels < 2 * threads && shape.m > 64) {
      plan.method = Method::whole;
      plan.unit = panels * width;
      plan.scratch = packed_bytes(shape.k, shape.n, isa);
    } else {
      int64_t group = std::clamp<int64_t>(kGroupBytes / panel_bytes, 1, panels);
      // Enough pieces for the threads to end together.
      while (group > 1 && shape.count * divide_up(panels, group) < 4 * threads)
        group = (group + 1) / 2;
      plan.unit = divide_up(panels, divide_up(panels, group)) * width;
      plan.per_worker = shape.k * plan.unit;
      plan.scratch = threads * plan.per_worker * 4;
    }
  }
  plan.units = divide_up(shape.n, plan.unit);
  return plan;
}

/// The epilogue of the columns from `column` of an item.
Epilogue part_of(const Epilogue& epilogue, const BatchItem& item, int64_t column) {
  Epilogue part = epilogue;
  part.hook = nullptr;
  if (part.bias != nullptr) part.bias += column;
  part.residual = item.residual != nullptr ? item.residual + column : nullptr;
  return part;
}

void run_row_major(const BatchShape& shape, const BatchItem& item, const Epilogue& epilogue,
                   int64_t column, int64_t columns, Isa isa) {
  const int64_t lane = lanes(isa);
  const Epilogue part = part_of(epilogue, item, column);
  KernelArgs args;
  args.a = item.a;
  args.a_stride = shape.lda * 4;
  args.k_end = shape.k * 4;
  args.b = item.b + column;
  args.b_step = shape.ldb * 4;
  args.c = item.c + column;
  args.c_stride = shape.ldc * 4;
  args.bias = part.bias;
  args.residual = part.residual;
  args.residual_stride = part.residual_ld * 4;
  args.accumulate = part.accumulate;
  args.activation = static_cast<int64_t>(part.activation);
  args.alpha = part.alpha;
  args.beta = part.beta;
  args.rows = shape.m;
  args.vectors = divide_up(columns, lane);
  args.last_columns = columns - (args.vectors - 1) * lane;
  args.lanes = lane;
  KernelShape tile;
  tile.isa = isa;
  tile.rows = static_cast<int>(shape.m);
  tile.vectors = static_cast<int>(args.vectors);
  tile.column_source = ColumnSource::row_major;
  kernel(tile)(&args);
}

void run_dots(const BatchShape& shape, const BatchItem& item, const Epilogue& epilogue,
              int64_t column, int64_t columns) {
  const Epilogue part = part_of(epilogue, item, column);
  constexpr int64_t kPiece = 64;
  for (int64_t row = 0; row < shape.m; ++row) {
    for (int64_t j = 0; j < columns; j += kPiece) {
      const int64_t n = std::min(kPiece, columns - j);
      float* c = item.c + row * shape.ldc + column + j;
      float sums[kPiece];
      dot_rows(1, n, shape.k, item.a + row * shape.lda, shape.lda,
               item.b + (column + j) * shape.ldb, shape.ldb, sums, kPiece);
      if (part.accumulate) {
        for (int64_t i = 0; i < n; ++i) sums[i] += c[i];
      }
      const float* residual =
          part.residual != nullptr ? part.residual + row * part.residual_ld + j : nullptr;
      apply_epilogue(1, n, sums, kPiece, part.bias != nullptr ? part.bias + j : nullptr, residual,
                     0, part.activation, part.alpha, part.beta);
      std::copy(sums, sums + n, c);
    }
  }
}

}  // namespace

int64_t matmul_batch_scratch_bytes(const BatchShape& shape, int threads, Isa isa) {
  return std::max(make_plan(shape, threads, isa).scratch, make_plan(shape, 1, isa).scratch);
}

void matmul_batch(const BatchShape& shape, FunctionRef<BatchItem(int64_t index)> item,
                  const Epilogue& epilogue, void* scratch, Isa isa, ThreadPool* pool) {
  if (shape.count <= 0 || shape.m <= 0 || shape.n <= 0) return;
  const Plan plan = make_plan(shape, pool == nullptr ? 1 : pool->threads(), isa);
  float* buffer = static_cast<float*>(scratch);

  if (plan.method == Method::whole) {
    for (int64_t index = 0; index < shape.count; ++index) {
      const BatchItem now = item(index);
      const PackedMatrix b =
          pack(now.b, shape.ldb, shape.b_transposed, shape.k, shape.n, isa, buffer, pool);
      Epilogue part = part_of(epilogue, now, 0);
      part.hook = epilogue.hook;
      gemm(shape.m, now.a, shape.lda, b, now.c, shape.ldc, part, pool);
    }
    return;
  }

  const auto body = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const BatchItem now = item(unit / plan.units);
      const int64_t column = unit % plan.units * plan.unit;
      const int64_t columns = std::min(plan.unit, shape.n - column);
      float* c = now.c + column;
      if (plan.method == Method::row_major) {
        run_row_major(shape, now, epilogue, column, columns, isa);
      } else if (plan.method == Method::dots) {
        run_dots(shape, now, epilogue, column, columns);
      } else {
        const float* b = now.b + column * (shape.b_transposed ? shape.ldb : 1);
        float* packed = buffer + worker * plan.per_worker;
        const Epilogue part = part_of(epilogue, now, column);
        PackedMatrix panels = pack(b, shape.ldb, shape.b_transposed, shape.k, columns, isa, packed);
        panels.whole_n = shape.n;
        gemm(shape.m, now.a, shape.lda, panels, c, shape.ldc, part, nullptr);
      }
      if (epilogue.hook != nullptr) {
        (*epilogue.hook)(c, shape.ldc, 0, column, shape.m, columns);
      }
    }
  };
  const double work = static_cast<double>(shape.m) * static_cast<double>(shape.k) *
                      static_cast<double>(std::min(plan.unit, shape.n));
  const auto grain = static_cast<int64_t>(kGrainWork / std::max(work, 1.0));
  if (pool == nullptr) {
    body(0, shape.count * plan.units, 0);
  } else {
    pool->parallel_for(shape.count * plan.units, std::max<int64_t>(grain, 1), body);
  }
}

}  // namespace drawbar::cpu
