#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/attention/op.h"
#include "ops/matmul/cuda_product.h"

namespace drawbar::cuda {
namespace {

using ops::Attention;
using ops::AttentionSizes;

constexpr int64_t most = std::numeric_limits<int32_t>::max() / 4;
constexpr int64_t tile_threads = 128, most_tile_size = 256;
constexpr int64_t most_few_rows = 8, most_few_size = 1024;
constexpr int64_t most_fragment_size = 160;

const Attention& op_of(const Problem& problem) { return *problem.op.as<Attention>(); }

const Operand& at(const Problem& problem, size_t i) { return problem.inputs[i]; }

bool has(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

AttentionSizes sizes_of(const Problem& problem) {
  return ops::attention_sizes(
      op_of(problem), at(problem, Attention::q).shape, at(problem, Attention::k).shape,
      at(problem, Attention::v).shape,
      has(problem, Attention::mask) ? &at(problem, Attention::mask).shape : nullptr);
}

int64_t divided(int64_t value, int64_t by) { return (value + by - 1) / by; }

/// Rows that share keys, and how often there are such.
int64_t rows_of(const AttentionSizes& sizes) { return sizes.heads / sizes.groups * sizes.queries; }
int64_t parts_of(const AttentionSizes& sizes) { return sizes.batch * sizes.groups; }

bool applies(const Problem& problem) {
  if (problem.outputs.size() > 1 && problem.outputs[1].present) return false;
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && operand.layout != Layout::row_major) return false;
    }
  }
  for (size_t i : {Attention::q, Attention::k, Attention::v}) {
    if (!is_real(at(problem, i).type)) return false;
  }
  const AttentionSizes sizes = sizes_of(problem);
  return std::max({sizes.keys, rows_of(sizes), parts_of(sizes)}) < most &&
         static_cast<double>(rows_of(sizes)) * static_cast<double>(parts_of(sizes)) <
             static_cast<double>(most) / 16;
}

/// The Shape of cuda_scores.cuh: its name and its text.
struct ShapeCode {
  std::string name, text;
};

ShapeCode shape_code(const Problem& problem, const AttentionSizes& sizes) {
  const Attention& op = op_of(problem);
  const auto strides = [](std::string_view name, const AttentionSizes::Strides& steps) {
    return fmt::format("  static constexpr i64 {0}_batch = {1}, {0}_head = {2}, {0}_row = {3};\n",
                       name, steps.batch, steps.head, steps.row);
  };
  const bool has_mask = has(problem, Attention::mask);
  const double scale =
      op.scale != 0 ? double{op.scale} : 1 / std::sqrt(static_cast<double>(sizes.size));
  std::string text = fmt::format(
      "  static constexpr int batch = {}, heads = {}, groups = {}, queries = {}, keys = {};\n"
      "  static constexpr int size = {}, value_size = {}, mask_keys = {};\n",
      sizes.batch, sizes.heads, sizes.groups, sizes.queries, sizes.keys, sizes.size,
      sizes.value_size, has_mask ? std::min(sizes.mask_keys, sizes.keys) : sizes.keys);
  text += strides("q", sizes.q) + strides("k", sizes.k) + strides("v", sizes.v) +
          strides("y", sizes.y) + strides("mask", sizes.mask);
  text += fmt::format(
      "  static constexpr bool has_mask = {}, has_lengths = {}, causal = {};\n"
      "  static constexpr int offsets = {};\n"
      "  static constexpr i64 left_window = {}, right_window = {};\n"
      "  static constexpr double scale = {:.17g}, softcap = {:.17g};\n",
      has_mask, has(problem, Attention::lengths), op.causal,
      !has(problem, Attention::offset)             ? 0
      : at(problem, Attention::offset).size() == 1 ? 1
                                                   : 2,
      op.left_window, op.right_window, scale, double{op.softcap});
  const std::string name = "Attention_" + hash_bytes(text).hex().substr(0, 16);
  return {name, fmt::format("struct {} {{\n{}}};", name, text)};
}

/// An input, or q in its place.
Argument optional_input(const Problem& problem, size_t i) {
  return input(problem, has(problem, i) ? i : size_t{Attention::q});
}

/// A launch of function<Shape, more>.
Launch launch_of(const Problem& problem, const AttentionSizes& sizes, std::string_view file,
                 std::string_view function, const std::string& more, int64_t blocks,
                 int64_t threads) {
  const ShapeCode shape = shape_code(problem, sizes);
  Launch launch;
  launch.file = fmt::format("ops/attention/{}", file);
  launch.preface = {shape.text};
  launch.call = fmt::format("attention::{}<{}, {}>", function, shape.name, more);
  launch.grid.x = blocks;
  launch.block.x = threads;
  launch.synchronises = true;
  for (size_t i = 0; i <= Attention::offset; ++i)
    launch.arguments.push_back(optional_input(problem, i));
  launch.arguments.push_back(output(problem, 0));
  return launch;
}

/// Operations of all products, tiles of rows being whole, over keys that are attended.
double operations_of(const Problem& problem, const AttentionSizes& sizes, int64_t tile_rows) {
  const bool half = op_of(problem).causal && sizes.queries > tile_rows;
  return (half ? 1.0 : 2.0) *
         static_cast<double>(divided(rows_of(sizes), tile_rows) * tile_rows * parts_of(sizes)) *
         static_cast<double>(sizes.keys) * static_cast<double>(sizes.size + sizes.value_size + 8);
}

/// Seconds where blocks of `rows` rows run at `share` of the rate of plain operations in f32.
double seconds_of(const Problem& problem, int64_t rows, double share) {
  const AttentionSizes sizes = sizes_of(problem);
  const double blocks = static_cast<double>(divided(rows_of(sizes), rows) * parts_of(sizes));
  const double filled =
      std::min(1.0, blocks / static_cast<double>(std::max(1, problem.gpu.multiprocessors)));
  return streaming_seconds(problem, operations_of(problem, sizes, rows) / (share * filled));
}

// Tiles in shared memory.

struct TileShape {
  int64_t rows, keys;
};
/// The larger tiles give a thread more products to a load, the smaller ones more blocks.
TileShape tile_shape(const AttentionSizes& sizes, bool large) {
  const int64_t size = std::max(sizes.size, sizes.value_size);
  if (size <= 64) return large ? TileShape{64, 32} : TileShape{16, 64};
  if (size <= 128) return large ? TileShape{32, 32} : TileShape{16, 32};
  return {16, 16};
}

bool tiles_apply(const Problem& problem) {
  if (!applies(problem)) return false;
  for (size_t i : {Attention::q, Attention::v}) {
    if (at(problem, i).type == ElementType::f64) return false;
  }
  const AttentionSizes sizes = sizes_of(problem);
  return std::max(sizes.size, sizes.value_size) <= most_tile_size;
}
bool large_tiles_apply(const Problem& problem) {
  if (!tiles_apply(problem)) return false;
  const AttentionSizes sizes = sizes_of(problem);
  return std::max(sizes.size, sizes.value_size) <= 128 &&
         rows_of(sizes) > tile_shape(sizes, false).rows;
}

template <bool large>
double tile_seconds(const Problem& problem) {
  const int64_t rows = tile_shape(sizes_of(problem), large).rows;
  return seconds_of(problem, rows, rows == 64 ? 0.5 : rows == 32 ? 0.4 : 0.25);
}

template <bool large>
std::unique_ptr<Kernel> make_tiles(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const TileShape tile = tile_shape(sizes, large);
  return make_kernel(launch_of(problem, sizes, "cuda_tiles.cuh", "tiles",
                               fmt::format("{}, {}", tile.rows, tile.keys),
                               divided(rows_of(sizes), tile.rows) * parts_of(sizes), tile_threads));
}

// The matrix units.

/// Probabilities are rounded to q's type, and the units round sums more coarsely than plain sums
/// in f32 do.
bool fragments_apply(const Problem& problem) {
  Product scores;
  scores.left.type = scores.right.type = scores.y.type = problem.inputs[0].type;
  if (!applies(problem) || !is_half(scores.y.type) || !matrix_units_apply(scores, problem) ||
      at(problem, Attention::v).type != scores.y.type) {
    return false;
  }
  const AttentionSizes sizes = sizes_of(problem);
  return sizes.size % 8 == 0 && sizes.value_size % 8 == 0 &&
         std::max(sizes.size, sizes.value_size) <= most_fragment_size;
}

/// Keys of a tile: as many as shared memory holds twice, or fewer that fit all keys better.
int64_t tile_keys(const AttentionSizes& sizes) {
  constexpr int64_t per_tile = 8;  // that going on to the next one costs as much as
  const int64_t key_bytes = 8 * (divided(sizes.size, 16) + divided(sizes.value_size, 16) + 1) * 8;
  int64_t best = 32;
  const auto cost = [&](int64_t keys) { return divided(sizes.keys, keys) * (keys + per_tile); };
  for (int64_t keys : {48, 64}) {
    if (keys * key_bytes <= 47 * 1024 && cost(keys) <= cost(best)) best = keys;
  }
  return best;
}

template <int64_t warps>
bool warps_apply(const Problem& problem) {
  return fragments_apply(problem) && (warps == 2 || rows_of(sizes_of(problem)) > (warps / 2) * 16);
}

template <int64_t warps>
double matrix_seconds(const Problem& problem) {
  return seconds_of(problem, warps * 16, warps == 2 ? 2.5 : 4);
}

template <int64_t warps>
std::unique_ptr<Kernel> make_matrix(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const int64_t keys = tile_keys(sizes);
  return make_kernel(launch_of(problem, sizes, "cuda_matrix_units.cuh", "matrix_units",
                               fmt::format("{}, {}", warps, keys),
                               divided(rows_of(sizes), warps * 16) * parts_of(sizes), warps * 32));
}

// Keys straight into registers.

bool few_apply(const Problem& problem) {
  if (!applies(problem)) return false;
  const AttentionSizes sizes = sizes_of(problem);
  return std::max(sizes.size, sizes.value_size) <= most_few_size;
}

struct FewPlan {
  int64_t rows, splits, blocks;
};

/// As many rows as registers hold a lane's part of; pieces of at least 64 keys that fill the GPU.
FewPlan few_plan(const Problem& problem, const AttentionSizes& sizes) {
  const int64_t width = bits(compute_type(problem.inputs[0].type)) / 32;
  const int64_t each = std::max<int64_t>(8, std::max(sizes.size, sizes.value_size) / 16) * width;
  FewPlan plan;
  plan.rows = std::min(rows_of(sizes), std::clamp<int64_t>(64 / each, int64_t{1}, most_few_rows));
  plan.blocks = divided(rows_of(sizes), plan.rows) * parts_of(sizes);
  const int64_t wanted = divided(int64_t{problem.gpu.multiprocessors} * 3, plan.blocks);
  plan.splits = std::clamp<int64_t>(std::min(wanted, sizes.keys / 64), 1, 64);
  plan.blocks *= plan.splits;
  return plan;
}

double few_seconds(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const FewPlan plan = few_plan(problem, sizes);
  const double slower = problem.inputs[0].type == ElementType::f64 ? 4 : 1;
  const double filled =
      std::min(1.0, static_cast<double>(plan.blocks) / std::max(1, problem.gpu.multiprocessors));
  return streaming_seconds(problem,
                           operations_of(problem, sizes, plan.rows) * slower / (0.15 * filled)) +
         (plan.splits > 1 ? problem.gpu.launch_seconds : 0);
}

std::unique_ptr<Kernel> make_few(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const FewPlan plan = few_plan(problem, sizes);
  const ElementType sums = compute_type(problem.inputs[0].type);
  const int64_t rows = plan.splits * rows_of(sizes) * parts_of(sizes);
  const bool splits = plan.splits > 1;
  const auto states_bytes = static_cast<size_t>((storage_bytes(sums, rows * 2) + 255) / 256 * 256);
  const size_t bytes =
      states_bytes + static_cast<size_t>(storage_bytes(sums, rows * sizes.value_size));
  std::vector<Launch> launches;
  launches.push_back(launch_of(problem, sizes, "cuda_few_queries.cuh", "few_queries",
                               fmt::format("{}, {}", plan.rows, plan.splits), plan.blocks,
                               tile_threads));
  launches[0].arguments.push_back(scratch(0, sums));
  launches[0].arguments.push_back(scratch(splits ? states_bytes : 0, sums));
  if (splits) {
    Launch combine = launches[0];
    combine.call =
        fmt::format("attention::combine<{}, {}>", shape_code(problem, sizes).name, plan.splits);
    combine.grid = blocks_for(problem.outputs[0].size(), 256);
    combine.block.x = 256;
    combine.synchronises = false;
    combine.arguments = {scratch(0, sums), scratch(states_bytes, sums),
                         optional_input(problem, Attention::mask), output(problem, 0)};
    launches.push_back(std::move(combine));
  }
  return std::make_unique<LaunchedKernel>(std::move(launches), splits ? bytes : 256);
}

DRAWBAR_CUDA_TACTIC(few, "Attention", "attention_few_queries", few_apply, few_seconds, make_few);
DRAWBAR_CUDA_TACTIC(small, "Attention", "attention_tiles", tiles_apply, tile_seconds<false>,
                    make_tiles<false>);
DRAWBAR_CUDA_TACTIC(large, "Attention", "attention_large_tiles", large_tiles_apply,
                    tile_seconds<true>, make_tiles<true>);
DRAWBAR_CUDA_TACTIC(two_warps, "Attention", "attention_matrix_units_small", warps_apply<2>,
                    matrix_seconds<2>, make_matrix<2>);
DRAWBAR_CUDA_TACTIC(four_warps, "Attention", "attention_matrix_units", warps_apply<4>,
                    matrix_seconds<4>, make_matrix<4>);

}  // namespace
}  // namespace drawbar::cuda
