#include <cstring>

#include "ops/gather/op.h"
#include "ops/movement/index.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t piece_bytes = 32 << 10;

int64_t read_index(const void* indices, ElementType type, int64_t i) {
  return type == ElementType::i64 ? static_cast<const int64_t*>(indices)[i]
                                  : static_cast<const int32_t*>(indices)[i];
}

bool applies(const Problem& p) {
  for (const Operand& o : {p.inputs[0], p.inputs[1], p.outputs[0]}) {
    if (o.layout != Layout::row_major) return false;
  }
  return is_copyable(p.inputs[0].type) &&
         (p.inputs[1].type == ElementType::i64 || p.inputs[1].type == ElementType::i32);
}

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

/// Rows of `inner` bytes; row r of the result is x's row at the r-th index of its outer part.
struct GatherRows {
  int64_t outer, size, count, inner;
  ElementType index_type;

  void operator()(const KernelRun& run) const {
    const auto* x = run.in<std::byte>(0);
    auto* y = run.out<std::byte>(0);
    const int64_t grain = std::max<int64_t>(1, piece_bytes / std::max<int64_t>(1, inner));
    run.pool.parallel_for(outer * count, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t index =
            ops::checked_index(read_index(run.inputs[1], index_type, row % count), size);
        std::memcpy(y + row * inner, x + (row / count * size + index) * inner,
                    static_cast<size_t>(inner));
      }
    });
  }
};

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1];
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Gather>()->axis, x.rank()));
  GatherRows rows{1, x.shape[axis], indices.size(), bits(x.type) / 8, indices.type};
  for (size_t i = 0; i < axis; ++i) rows.outer *= x.shape[i];
  for (size_t i = axis + 1; i < x.shape.size(); ++i) rows.inner *= x.shape[i];
  return make_kernel(rows);
}

}  // namespace

DRAWBAR_CPU_TACTIC(gather_rows, .op = "Gather", .name = "rows", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
