#include <algorithm>
#include <array>

#include "ops/movement/cuda_copy.h"
#include "ops/scatter/op.h"

namespace drawbar::cuda {
namespace {

using ops::ScatterReduction;

constexpr int64_t block_threads = 256;
constexpr int64_t most_lines = (int64_t{1} << 31) - 1;  // winners are marked by an i32

bool is_index(ElementType type) { return type == ElementType::i64 || type == ElementType::i32; }

bool all_row_major(const Problem& p) {
  const auto plain = [](const Operand& o) { return !o.present || o.layout == Layout::row_major; };
  return std::all_of(p.inputs.begin(), p.inputs.end(), plain) && plain(p.outputs[0]);
}

bool applies_with(const Problem& p, ScatterReduction reduction) {
  const ElementType type = p.inputs[0].type;
  return all_row_major(p) && is_copyable(type) && is_index(p.inputs[1].type) &&
         p.inputs[1].size() <= most_lines &&
         (reduction == ScatterReduction::none || has_code_name(type));
}

bool elements_apply(const Problem& p) {
  return p.inputs[0].rank() > 0 && applies_with(p, p.op.as<ops::ScatterElements>()->reduction);
}

bool slices_apply(const Problem& p) {
  return applies_with(p, p.op.as<ops::ScatterND>()->reduction);
}

Launch launch_of(std::string call, int64_t items, std::vector<Argument> arguments) {
  return launch_along_x("ops/scatter/cuda_scatter.cuh", std::move(call),
                        blocks_for(items, block_threads).x, block_threads, std::move(arguments));
}

/// As many blocks as the device holds at once, since there is often nothing to copy.
Launch copy_launch(const Problem& p) {
  const int64_t bytes = storage_bytes(p.inputs[0].type, p.inputs[0].size());
  const int64_t most = int64_t{8} * p.gpu.multiprocessors * block_threads;
  return launch_of(fmt::format("scatter::copy_whole<{}>", bytes),
                   std::clamp<int64_t>(bytes / 16, block_threads, most),
                   {input_bytes(0), output_bytes(0)});
}

/// Without a reduction: `lines` slices of `inner` elements of `bytes` bytes go to the targets, of
/// which there are `slices`.
std::unique_ptr<Kernel> scatter_kernel(const Problem& p, const std::string& targets, int64_t lines,
                                       int64_t inner, int64_t bytes, int64_t slices) {
  const std::string_view index = code_name(p.inputs[1].type);
  const Argument indices = input(p, 1), winners = scratch(0, ElementType::i32);
  std::vector<Launch> launches = {copy_launch(p)};
  for (const char* step : {"clear", "mark"}) {
    launches.push_back(
        launch_of(fmt::format("scatter::{}<{}, {}, {}>", step, targets, index, lines), lines,
                  {indices, winners}));
  }
  launches.push_back(launch_of(
      fmt::format("scatter::write<{}, {}, {}, {}, {}>", bytes, targets, index, lines, inner),
      lines * inner, {indices, input_bytes(2), winners, output_bytes(0)}));
  return std::make_unique<LaunchedKernel>(std::move(launches), static_cast<size_t>(slices) * 4);
}

std::string_view reduction_name(ScatterReduction reduction) {
  static constexpr std::string_view names[] = {"none", "add", "mul", "max", "min"};
  return names[static_cast<size_t>(reduction)];
}

/// Owners that share the targets, so that the device has threads to run though each update's
/// element has only `columns`.
int64_t owners_for(int64_t columns, int64_t targets) {
  int64_t owners = 1;
  while (owners * columns < 8192 && owners * 2 <= targets) owners *= 2;
  return owners;
}

std::unique_ptr<Kernel> reduction_kernel(const Problem& p, std::string call, int64_t threads) {
  return std::make_unique<LaunchedKernel>(std::vector<Launch>{
      copy_launch(p),
      launch_of(std::move(call), threads, {input(p, 1), input(p, 2), output(p, 0)})});
}

std::unique_ptr<Kernel> make_slices(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1];
  const ScatterReduction reduction = p.op.as<ops::ScatterND>()->reduction;
  const int64_t k = indices.shape.back();
  int64_t lines = 1, inner = 1, slices = 1;
  for (size_t i = 0; i + 1 < indices.shape.size(); ++i) lines *= indices.shape[i];
  std::string dimensions;
  for (size_t i = x.shape.size(); i-- > 0;) {
    if (i >= static_cast<size_t>(k)) {
      inner *= x.shape[i];
    } else {
      dimensions = fmt::format(", movement::Indexed<{}, {}>", x.shape[i], slices) + dimensions;
      slices *= x.shape[i];
    }
  }
  const std::string targets = fmt::format("scatter::Slices<{}{}>", k, dimensions);
  if (reduction == ScatterReduction::none) {
    const int64_t bytes = bits(x.type) / 8, width = widening(bytes, std::array{inner});
    return scatter_kernel(p, targets, lines, inner / width, bytes * width, slices);
  }
  const int64_t owners = owners_for(inner, slices);
  return reduction_kernel(
      p,
      fmt::format("scatter::reduce_slices<{}, scatter::Reduction::{}, {}, {}, {}, {}, {}>",
                  code_name(x.type), reduction_name(reduction), targets, code_name(indices.type),
                  lines, inner, owners),
      owners * inner);
}

std::unique_ptr<Kernel> make_elements(const Problem& p) {
  const Operand &x = p.inputs[0], &indices = p.inputs[1];
  const auto& op = *p.op.as<ops::ScatterElements>();
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  const Shape strides = x.strides(), update_strides = indices.strides();
  const int64_t size = x.shape[axis], length = indices.shape[axis];
  std::string all, columns;
  for (size_t i = x.shape.size(); i-- > 0;) {
    const int64_t stride = i == axis ? 0 : strides[i];
    all += fmt::format(", movement::Axis<{}, {}, 0>", indices.shape[i], stride);
    if (i != axis)
      columns +=
          fmt::format(", movement::Axis<{}, {}, {}>", indices.shape[i], stride, update_strides[i]);
  }
  if (op.reduction == ScatterReduction::none) {
    return scatter_kernel(p, fmt::format("scatter::Elements<{}, {}{}>", size, strides[axis], all),
                          indices.size(), 1, bits(x.type) / 8, x.size());
  }
  const int64_t count = indices.size() / length, owners = owners_for(count, size);
  return reduction_kernel(
      p,
      fmt::format(
          "scatter::reduce_columns<{}, scatter::Reduction::{}, {}, {}, {}, {}, {}, {}, {}{}>",
          code_name(x.type), reduction_name(op.reduction), code_name(indices.type), size,
          strides[axis], length, update_strides[axis], count, owners, columns),
      owners * count);
}

double scatter_seconds(const Problem& p, ScatterReduction reduction, int64_t length) {
  const double copied =
      static_cast<double>(storage_bytes(p.inputs[0].type, 2 * p.inputs[0].size()) +
                          storage_bytes(p.inputs[2].type, 2 * p.inputs[2].size()));
  const double moved = copied / p.gpu.bandwidth;
  if (reduction == ScatterReduction::none) return 4 * p.gpu.launch_seconds + moved;
  return 2 * p.gpu.launch_seconds + moved + 2e-8 * static_cast<double>(length);
}

double slices_seconds(const Problem& p) {
  const Operand& indices = p.inputs[1];
  return scatter_seconds(p, p.op.as<ops::ScatterND>()->reduction,
                         indices.size() / std::max<int64_t>(1, indices.shape.back()));
}

double elements_seconds(const Problem& p) {
  const auto& op = *p.op.as<ops::ScatterElements>();
  const Operand& indices = p.inputs[1];
  return scatter_seconds(p, op.reduction, indices.dim(Infer::axis(op.axis, indices.rank())));
}

bool has_starts(const Problem& p) { return p.inputs.size() > 2 && p.inputs[2].present; }

bool cache_applies(const Problem& p) {
  return all_row_major(p) && all_copyable(p.inputs.first(2), p.outputs[0]) &&
         (!has_starts(p) || is_index(p.inputs[2].type));
}

double cache_seconds(const Problem& p) {
  return p.gpu.launch_seconds +
         movement_seconds(p, p.inputs[0].size() + p.inputs[1].size(), p.inputs[0].type);
}

std::unique_ptr<Kernel> make_cache(const Problem& p) {
  const Operand &cache = p.inputs[0], &update = p.inputs[1];
  const auto& op = *p.op.as<ops::TensorScatter>();
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, cache.rank()));
  int64_t parts = 1, inner = 1;  // dimensions after the batch before the axis, and after the axis
  for (size_t i = 1; i < axis; ++i) parts *= cache.shape[i];
  for (size_t i = axis + 1; i < cache.shape.size(); ++i) inner *= cache.shape[i];
  const int64_t bytes = bits(cache.type) / 8, width = widening(bytes, std::array{inner});
  const int64_t total = update.size() / width;
  std::vector<Argument> arguments = {input_bytes(1), output_bytes(0)};
  if (has_starts(p)) arguments.push_back(input(p, 2));
  return std::make_unique<LaunchedKernel>(std::vector<Launch>{
      copy_launch(p),
      launch_of(fmt::format("scatter::into_cache<{}, {}, {}, {}, {}, {}, {}, {}>", bytes * width,
                            has_starts(p) ? code_name(p.inputs[2].type) : "int", op.circular, parts,
                            update.shape[axis], cache.shape[axis], inner / width, total),
                total, std::move(arguments))});
}

DRAWBAR_CUDA_TACTIC(scatter_slices, .op = "ScatterND", .name = "slices", .applies = slices_apply,
                    .seconds = slices_seconds, .make = make_slices, .in_place = 0);
DRAWBAR_CUDA_TACTIC(scatter_elements, .op = "ScatterElements", .name = "elements",
                    .applies = elements_apply, .seconds = elements_seconds, .make = make_elements,
                    .in_place = 0);
DRAWBAR_CUDA_TACTIC(tensor_scatter, .op = "TensorScatter", .name = "cache",
                    .applies = cache_applies, .seconds = cache_seconds, .make = make_cache,
                    .in_place = 0);

}  // namespace
}  // namespace drawbar::cuda
