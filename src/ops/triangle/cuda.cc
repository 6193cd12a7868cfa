#include <array>

#include "ops/movement/cuda_copy.h"
#include "ops/triangle/op.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool has_k(const Problem& p) { return p.inputs.size() > 1 && p.inputs[1].present; }

bool applies(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  if (!all_copyable(p.inputs.first(1), y) || x.rank() < 2) return false;
  if (x.layout != Layout::row_major || y.layout != Layout::row_major) return false;
  if (!has_k(p)) return true;
  const ElementType k = p.inputs[1].type;
  return p.inputs[1].size() == 1 && (k == ElementType::i64 || k == ElementType::i32);
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& x = p.inputs[0];
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  const int64_t width = widening(bits(x.type) / 8, std::array{columns});
  const int64_t items = x.size() / width;
  Launch launch;
  launch.file = "ops/triangle/cuda_triangle.cuh";
  launch.call = fmt::format("triangle::groups<{}, {}, {}, {}, {}, {}, {}>", bits(x.type) / 8, width,
                            has_k(p) ? code_name(p.inputs[1].type) : "int",
                            p.op.as<ops::Trilu>()->upper, rows, columns, items);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input_bytes(0), output_bytes(0)};
  if (has_k(p)) launch.arguments.push_back(input(p, 1));
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(trilu, .op = "Trilu", .name = "groups", .applies = applies, .seconds = seconds,
                    .make = make, .in_place = 0);

}  // namespace
}  // namespace drawbar::cuda
