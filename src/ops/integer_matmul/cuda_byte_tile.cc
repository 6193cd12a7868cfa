#include <algorithm>

#include "ops/integer_matmul/cuda_bytes.h"

// Products of bytes in tiles: weights as lines of [taps][channels], and the launches.

namespace drawbar::cuda {
namespace {

constexpr std::string_view file = "ops/integer_matmul/cuda_tile.cuh";
constexpr int64_t least_depth = 256;  // of a split
constexpr int64_t finish_threads = 256;

int64_t divided(int64_t value, int64_t by) { return (value + by - 1) / by; }

int64_t power_of_two_in(int64_t number, int64_t most) {
  while (number % most != 0) most /= 2;
  return most;
}

/// Bytes of a channel's weights on the device.
int64_t line_of(const ByteProduct& p) { return divided(p.depth(), 16) * 16; }

/// Bytes of x in one copy, 1 where its channels do not lie side by side.
int64_t x_width(const ByteProduct& p) {
  if (p.x_steps[1] != 1 && p.channels > 1) return 1;
  int64_t width = power_of_two_in(p.channels, 16);
  for (size_t i : {0, 2, 3, 4}) width = power_of_two_in(p.x_steps[i], width);
  return width >= 4 ? width : 1;
}

/// Neighbours of y in one store.
int64_t y_width(const ByteProduct& p, int64_t most) {
  if (p.y_steps[1] != 1) return 1;
  int64_t width = power_of_two_in(p.outputs, most);
  for (size_t i : {0, 2, 3, 4}) width = power_of_two_in(p.y_steps[i], width);
  return width;
}

int64_t tiles_of(const ByteProduct& p, const ByteTile& tile) {
  return divided(p.rows(), tile.rows) * divided(p.outputs, tile.columns) * p.groups;
}

/// Pieces of the depth, so that blocks fill the multiprocessors.
int64_t splits_of(const ByteProduct& p, const ByteTile& tile) {
  if (!tile.splits) return 1;
  const int64_t wanted = int64_t{p.problem.gpu.multiprocessors} * 2 / tiles_of(p, tile);
  return std::clamp<int64_t>(std::min(wanted, p.depth() / least_depth), 1, 32);
}

/// y as rows of one step: where images follow each other as positions do, it counts as one row of
/// positions.
int64_t y_position(const ByteProduct& p) {
  for (size_t i : {4, 3, 2}) {
    if (p.window.output[i - 2] > 1) return p.y_steps[i];
  }
  return p.y_steps[1] == 1 ? p.all_outputs() : 1;
}

PackedBuffer pack_lines(const ByteProduct& p) {
  const int64_t line = line_of(p), taps = p.window.taps(), channels = p.channels;
  return pack_byte_weights(p, "lines", static_cast<size_t>(line * p.all_outputs()),
                           [=](int64_t m, std::span<const int32_t> numbers, std::byte* packed) {
                             for (int64_t c = 0; c < channels; ++c) {
                               for (int64_t tap = 0; tap < taps; ++tap) {
                                 packed[m * line + tap * channels + c] = static_cast<std::byte>(
                                     numbers[static_cast<size_t>(c * taps + tap)]);
                               }
                             }
                           });
}

ByteShape shape_of(const ByteProduct& p, const ByteTile& tile) {
  const PackedWeights weights = packed_weights(p);
  const ElementType q = p.q_type();
  std::string text = byte_shape_members(p);
  text += fmt::format(
      "  static constexpr int splits = {}, x_width = {}, line = {}, y_width = {};\n"
      "  static constexpr i64 y_position = {};\n  static constexpr bool w_zeros = {};\n"
      "  using Input = {};\n  using Weight = {};\n  using Bytes = {};\n",
      splits_of(p, tile), x_width(p), line_of(p), y_width(p, 16), y_position(p), weights.zeros,
      code_name(p.x().type), code_name(weights.type), code_name(q));
  return byte_shape(text);
}

/// Whether positions in y are evenly apart.
bool has_even_positions(const ByteProduct& p) {
  int64_t step = y_position(p);
  for (size_t i : {4, 3, 2}) {
    if (p.window.output[i - 2] > 1 && p.y_steps[i] != step) return false;
    step *= p.window.output[i - 2];
  }
  return true;
}

void append(std::vector<Argument>& to, const std::vector<Argument>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

bool byte_tile_applies(const ByteProduct& p, const ByteTile& tile) {
  if (!byte_product_applies(p)) return false;
  // Products of four bytes are for GPUs without such units, and for the emulation to try.
  const bool emulated = p.problem.gpu.architecture == "host";
  if (!emulated && tile.units != has_matrix_units(p.problem.gpu)) return false;
  if (p.added) {
    const Operand& other = p.problem.inputs[p.added->other];
    if (other.layout != p.y().layout || other.shape != p.y().shape || p.y().pitch != 0)
      return false;
  }
  // Without splits there is a tile of its own only where the other one has some.
  if (!tile.splits && splits_of(p, few_rows_tile) == 1) return false;
  return has_even_positions(p);
}

/// A block goes through the depth in steps of 64, each of which takes what its copies do when few
/// blocks share a multiprocessor, else what reading shared memory does.
double byte_tile_seconds(const ByteProduct& p, const ByteTile& tile) {
  constexpr double step_seconds = 8e-8, block_seconds = 1e-6;
  const GpuInfo& gpu = p.problem.gpu;
  const int64_t splits = splits_of(p, tile), blocks = tiles_of(p, tile) * splits;
  const double clock = gpu.f32_operations / (256.0 * gpu.multiprocessors);
  const double products = !tile.units ? 200 : tile.rows > 64 ? 2500 : tile.rows > 16 ? 2000 : 1000;
  const double step = 64.0 * tile.rows * tile.columns / (products * clock);
  const auto steps = static_cast<double>(divided(divided(p.depth(), splits), 64));
  const auto shared = static_cast<double>(divided(blocks, gpu.multiprocessors));
  const double time = block_seconds + steps * std::max(step_seconds, shared * step);
  const double pieces = static_cast<double>(p.y().size() * splits) * 8 / gpu.bandwidth;
  const double finish = splits == 1 ? 0 : gpu.launch_seconds + pieces;
  return gpu.launch_seconds + std::max(time, streaming_seconds(p.problem) - gpu.launch_seconds) +
         finish;
}

std::unique_ptr<Kernel> make_byte_tile(const ByteProduct& p, const ByteTile& tile) {
  const int64_t splits = splits_of(p, tile);
  const ByteShape shape = shape_of(p, tile);
  ByteParameters parameters = byte_parameters(p, 1);
  std::vector<Launch> launches = std::move(parameters.launches);
  Launch product;
  product.file = file;
  product.preface = {shape.text};
  product.grid.x = tiles_of(p, tile) * splits;
  product.block.x = tile.threads();
  product.synchronises = true;
  product.arguments = {input(p.problem, p.at.x), packed(0, packed_weights(p).type)};
  const std::string names = fmt::format(
      "{}, integer_matmul::Tile<{}, {}, {}, {}, {}, {}>, {}", shape.name, tile.rows, tile.columns,
      tile.warp_rows, tile.warp_columns, tile.stages, tile.units, parameters.type);
  std::vector<Argument> behind;
  if (p.added) behind.push_back(input(p.problem, p.added->other));
  behind.push_back(output(p.problem, 0));
  const std::string other_first =
      p.added ? fmt::format(", {}", p.added->other_first) : std::string();
  size_t scratch_bytes = parameters.scratch_bytes;
  if (splits == 1) {
    product.call = fmt::format("integer_matmul::{}<{}{}>", p.added ? "multiply_added" : "multiply",
                               names, other_first);
    append(product.arguments, behind);
    append(product.arguments, parameters.arguments);
    launches.push_back(std::move(product));
  } else {
    const Argument pieces = scratch(scratch_bytes, ElementType::i32);
    const int64_t sums = p.rows() * p.all_outputs(), width = y_width(p, 4);
    scratch_bytes += static_cast<size_t>(sums * splits) * 4;
    product.call = fmt::format("integer_matmul::multiply_pieces<{}>", names);
    product.arguments.push_back(pieces);
    append(product.arguments, parameters.arguments);
    Launch finish;
    finish.file = file;
    finish.preface = {shape.text};
    finish.call = fmt::format("integer_matmul::{}<{}, {}, {}{}>",
                              p.added ? "finish_pieces_added" : "finish_pieces", shape.name, width,
                              parameters.type, other_first);
    finish.grid = blocks_for(sums / width, finish_threads);
    finish.block.x = finish_threads;
    finish.arguments = {pieces};
    append(finish.arguments, behind);
    append(finish.arguments, parameters.arguments);
    launches.push_back(std::move(product));
    launches.push_back(std::move(finish));
  }
  return std::make_unique<LaunchedKernel>(
      std::move(launches), scratch_bytes,
      std::vector<PackedBuffer>{pack_lines(p), parameters.packed},
      parameters.packed_inputs | 1U << p.at.w);
}

}  // namespace drawbar::cuda
