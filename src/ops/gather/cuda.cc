#include <algorithm>
#include <array>

#include "ops/gather/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool applies(const Problem& p) {
  for (const Operand& o : {p.inputs[0], p.inputs[1], p.outputs[0]}) {
    if (!o.present || o.layout != Layout::row_major) return false;
  }
  return is_copyable(p.inputs[0].type) &&
         (p.inputs[1].type == ElementType::i64 || p.inputs[1].type == ElementType::i32);
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

int64_t product(const Shape& shape, size_t first, size_t last) {
  int64_t result = 1;
  for (size_t i = first; i < last; ++i) result *= shape[i];
  return result;
}

std::unique_ptr<Kernel> gather_kernel(const Problem& p, std::string call, int64_t items) {
  Launch launch;
  launch.file = "ops/gather/cuda_gather.cuh";
  launch.call = std::move(call);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input_bytes(0), input(p, 1), output_bytes(0)};
  return make_kernel(std::move(launch));
}

std::unique_ptr<Kernel> make_rows(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Gather>()->axis, x.rank()));
  const int64_t bytes = bits(x.type) / 8, inner = product(x.shape, axis + 1, x.shape.size());
  const int64_t width = widening(bytes, std::array{inner}), total = y.size() / width;
  const int64_t per_thread = total >= block_threads * 4 * 1024 ? 4 : 1;
  return gather_kernel(
      p,
      fmt::format("gather::rows<{}, {}, {}, {}, {}, {}, {}, {}>", bytes * width,
                  index_type(std::max(total, x.size() / width)), code_name(p.inputs[1].type),
                  per_thread, x.shape[axis], p.inputs[1].size(), inner / width, total),
      (total + per_thread - 1) / per_thread);
}

std::unique_ptr<Kernel> make_elements(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto axis =
      static_cast<size_t>(Infer::axis(p.op.as<ops::GatherElements>()->axis, x.rank()));
  const Shape strides = x.strides();
  std::string axes;
  for (size_t i = y.shape.size(); i-- > 0;)
    axes += fmt::format(", movement::Axis<{}, {}, 0>", y.shape[i], i == axis ? 0 : strides[i]);
  return gather_kernel(
      p,
      fmt::format("gather::elements<{}, {}, {}, {}, {}, {}{}>", bits(x.type) / 8,
                  index_type(std::max(x.size(), y.size())), code_name(p.inputs[1].type),
                  x.shape[axis], strides[axis], y.size(), axes),
      y.size());
}

std::unique_ptr<Kernel> make_slices(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1], &y = p.outputs[0];
  const auto batch = static_cast<size_t>(p.op.as<ops::GatherND>()->batch_dims);
  const auto k = static_cast<size_t>(indices.shape.back());
  const int64_t inner = product(x.shape, batch + k, x.shape.size());
  const int64_t width = widening(bits(x.type) / 8, std::array{inner});
  const Shape strides = x.strides();
  std::string dimensions;
  for (size_t i = batch; i < batch + k; ++i)
    dimensions += fmt::format(", movement::Indexed<{}, {}>", x.shape[i], strides[i] / width);
  return gather_kernel(p,
                       fmt::format("gather::slices<{}, {}, {}, {}, {}, {}, {}{}>",
                                   bits(x.type) / 8 * width, code_name(indices.type), k,
                                   product(indices.shape, batch, indices.shape.size() - 1),
                                   product(x.shape, batch, x.shape.size()) / width, inner / width,
                                   y.size() / width, dimensions),
                       y.size() / width);
}

/// The reference refuses a scalar x, which has no axis.
bool elements_apply(const Problem& p) { return applies(p) && p.inputs[0].rank() > 0; }

DRAWBAR_CUDA_TACTIC(gather_rows, .op = "Gather", .name = "rows", .applies = applies,
                    .seconds = seconds, .make = make_rows);
DRAWBAR_CUDA_TACTIC(gather_elements, .op = "GatherElements", .name = "elements",
                    .applies = elements_apply, .seconds = seconds, .make = make_elements);
DRAWBAR_CUDA_TACTIC(gather_slices, .op = "GatherND", .name = "slices", .applies = applies,
                    .seconds = seconds, .make = make_slices);

}  // namespace
}  // namespace drawbar::cuda
