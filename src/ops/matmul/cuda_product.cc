#include "ops/matmul/cuda_product.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/pointwise/broadcast.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t tile_depth = 16, few_threads = 256;
constexpr int64_t most = std::numeric_limits<int32_t>::max() - 1024;
constexpr std::array<ProductTile, 3> small_tiles = {
    {{64, 64, 8, 4}, {32, 128, 4, 8}, {128, 32, 8, 4}}};

int64_t divided(int64_t value, int64_t by) { return (value + by - 1) / by; }

int64_t tiles_of(const Product& p, const ProductTile& tile) {
  return divided(p.rows, tile.rows) * divided(p.columns, tile.columns) * p.parts;
}

/// Splits of the depth that fill the multiprocessors, each of at least `least` products.
int64_t splits_of(int64_t blocks, int64_t depth, int64_t least, const GpuInfo& gpu) {
  const int64_t wanted = int64_t{gpu.multiprocessors} * 2 / std::max<int64_t>(blocks, 1);
  return std::clamp<int64_t>(std::min(wanted, depth / least), 1, 64);
}

int64_t tile_splits(const Product& p, const ProductTile& tile, const GpuInfo& gpu) {
  return splits_of(tiles_of(p, tile), p.depth, 256, gpu);
}

int64_t few_blocks(const Product& p, const FewLines& few) {
  const int64_t lines = few.swapped ? p.rows : p.columns;
  return divided(lines, few.along_depth ? few_threads / 32 : 8 * few.width) * p.parts;
}

int64_t few_splits(const Product& p, const FewLines& few, const GpuInfo& gpu) {
  return splits_of(few_blocks(p, few), p.depth, 512, gpu);
}

/// What factors of halves or f8 are on the matrix units; nothing where they are multiplied in TF32,
/// which holds halves as they are.
std::optional<ElementType> half_factors(const Product& p) {
  if (p.left.type != p.right.type) return std::nullopt;
  if (p.left.type == ElementType::f8e4m3fn) return ElementType::f16;
  return is_half(p.left.type) ? std::optional(p.left.type) : std::nullopt;
}

double element_bytes(const Argument& argument) { return bits(argument.type) / 8.0; }

/// Seconds of the second pass over splits.
double pieces_seconds(const Product& p, int64_t splits, const GpuInfo& gpu) {
  if (splits == 1) return 0;
  const double bytes = static_cast<double>(p.y_size * splits) * 8;
  return gpu.launch_seconds + bytes / gpu.bandwidth;
}

/// The Shape as code: its name and text.
NamedCode shape_code(const Product& p, int64_t splits) {
  const std::string text = fmt::format(
      "  static constexpr int rows = {}, columns = {}, parts = {}, splits = {};\n"
      "  static constexpr float alpha = {};\n  static constexpr bool has_bias = {};\n{}",
      p.rows, p.columns, p.parts, splits, literal(p.alpha), p.bias.has_value(), p.members);
  const std::string name = "Product_" + hash_bytes(p.base + text).hex().substr(0, 16);
  NamedCode code = {name, p.preface};
  code.text.push_back(fmt::format("struct {}{} {{\n{}}};", name, p.base, text));
  return code;
}

/// The launches of one kernel; with splits a first one that takes `pieces_call` and one that adds
/// up.
std::unique_ptr<Kernel> make_launches(Product p, int64_t splits, const NamedCode& shape,
                                      const std::string& call, const std::string& pieces_call,
                                      int64_t blocks, int64_t threads) {
  Launch finish;
  finish.file = p.file;
  finish.preface = shape.text;
  finish.preface.insert(finish.preface.end(), p.epilogue.text.begin(), p.epilogue.text.end());
  Argument any_bias = p.y;  // of the right type, not read
  std::vector<Argument> last = {p.bias.value_or(any_bias), p.y};
  last.insert(last.end(), p.more.begin(), p.more.end());
  std::vector<Launch> launches;
  size_t scratch_bytes = 0;
  if (splits == 1) {
    finish.call = call;
    finish.grid.x = blocks;
    finish.block.x = threads;
    finish.synchronises = true;
    finish.arguments = {p.left, p.right};
  } else {
    const ElementType sums = compute_type(p.y.type);
    scratch_bytes = static_cast<size_t>(storage_bytes(sums, p.y_size * splits));
    Launch pieces;
    pieces.file = p.file;
    pieces.preface = shape.text;
    pieces.call = pieces_call;
    pieces.grid.x = blocks * splits;
    pieces.block.x = threads;
    pieces.synchronises = true;
    pieces.arguments = {p.left, p.right, scratch(0, sums)};
    launches.push_back(std::move(pieces));
    finish.call =
        fmt::format("matmul::add_pieces<{}, {}, {}>", shape.name, p.epilogue.name, p.y_size);
    finish.grid = blocks_for(p.y_size, 256);
    finish.block.x = 256;
    finish.arguments = {scratch(0, sums)};
  }
  finish.arguments.insert(finish.arguments.end(), last.begin(), last.end());
  launches.push_back(std::move(finish));
  return std::make_unique<LaunchedKernel>(std::move(launches), scratch_bytes, std::move(p.packed),
                                          p.packed_inputs);
}

}  // namespace

bool product_fits(const Product& p) {
  if (p.rows > most || p.columns > most || p.depth > most || p.parts > most) return false;
  const double blocks = static_cast<double>(divided(p.rows, 32) * divided(p.columns, 32)) *
                        static_cast<double>(p.parts);
  return blocks < static_cast<double>(most) / 64;
}

double tiled_seconds(const Product& p, const ProductTile& tile, const GpuInfo& gpu) {
  const int64_t splits = tile_splits(p, tile, gpu);
  const double sums = tile.row_sums * tile.column_sums;
  const double matrix = (tile.rows > 64 ? 6.0 : 3.0) / (half_factors(p) ? 1 : 2);
  const double efficiency = tile.matrix_units ? matrix : 0.75 * sums / (16.0 + sums);
  const double rate = gpu.f32_operations * efficiency / (p.y.type == ElementType::f64 ? 2 : 1);
  const double per_block = 2.0 * tile.rows * tile.columns *
                           (static_cast<double>(p.depth) / static_cast<double>(splits) + 32);
  const double waves = std::ceil(static_cast<double>(tiles_of(p, tile) * splits) /
                                 static_cast<double>(gpu.multiprocessors));
  const double left = static_cast<double>(p.rows * p.depth) * element_bytes(p.left);
  const double right = static_cast<double>(p.columns * p.depth) * element_bytes(p.right);
  const double bytes = (left + right) * static_cast<double>(p.parts) +
                       static_cast<double>(p.y_size) * element_bytes(p.y);
  return gpu.launch_seconds +
         std::max(waves * per_block * gpu.multiprocessors / rate, bytes / gpu.bandwidth) +
         pieces_seconds(p, splits, gpu);
}

ProductTile small_tile(const Product& p, const GpuInfo& gpu) {
  return *std::min_element(small_tiles.begin(), small_tiles.end(), [&](const auto& a, auto& b) {
    return tiled_seconds(p, a, gpu) < tiled_seconds(p, b, gpu);
  });
}

std::unique_ptr<Kernel> make_tiled(Product p, const ProductTile& tile, const GpuInfo& gpu) {
  const int64_t splits = tile_splits(p, tile, gpu), blocks = tiles_of(p, tile);
  const NamedCode shape = shape_code(p, splits);
  const std::optional<ElementType> halves = half_factors(p);
  const std::string name =
      tile.matrix_units
          ? fmt::format("matmul::MmaTile<{}, {}, {}, {}, {}>", tile.rows, tile.columns,
                        tile.row_sums, tile.column_sums, halves ? code_name(*halves) : "tf32")
          : fmt::format("matmul::Tile<{}, {}, {}, {}, {}>", tile.rows, tile.columns, tile_depth,
                        tile.row_sums, tile.column_sums);
  const std::string call =
      fmt::format("matmul::multiply<{}, {}, {}>", shape.name, name, p.epilogue.name);
  const std::string pieces =
      fmt::format("matmul::multiply_pieces<{}, {}, {}>", shape.name, name, p.y_size);
  return make_launches(std::move(p), splits, shape, call, pieces, blocks, tile.threads());
}

bool matrix_units_apply(const Product& p, const Problem& problem) {
  if (problem.strict || !has_matrix_units(problem.gpu)) return false;
  if (p.left.type == ElementType::f8e4m3fn) return p.right.type == p.left.type;
  if (is_half(p.y.type)) return p.left.type == p.y.type && p.right.type == p.y.type;
  const auto fits = [](ElementType type) { return type == ElementType::f32 || is_half(type); };
  return takes_tf32(problem) && p.y.type == ElementType::f32 && fits(p.left.type) &&
         fits(p.right.type);
}

double few_seconds(const Product& p, const FewLines& few, const GpuInfo& gpu) {
  const int64_t splits = few_splits(p, few, gpu);
  const double wide = static_cast<double>(few.swapped ? p.rows : p.columns);
  const double bytes =
      wide * static_cast<double>(p.depth * p.parts) * element_bytes(few.swapped ? p.left : p.right);
  const double filled = std::min(1.0, static_cast<double>(few_blocks(p, few) * splits) /
                                          static_cast<double>(gpu.multiprocessors));
  const double operations =
      2.0 * static_cast<double>(p.rows * p.columns * p.parts) * static_cast<double>(p.depth);
  return gpu.launch_seconds +
         std::max(bytes / (gpu.bandwidth * 0.8), operations / (gpu.f32_operations * 0.25)) /
             filled +
         pieces_seconds(p, splits, gpu);
}

std::unique_ptr<Kernel> make_few(Product p, const FewLines& few, const GpuInfo& gpu) {
  const int64_t splits = few_splits(p, few, gpu), blocks = few_blocks(p, few);
  const NamedCode shape = shape_code(p, splits);
  const std::string start =
      fmt::format("<{}, {}, {}, ", shape.name, few.swapped, few.swapped ? p.columns : p.rows);
  const std::string call = fmt::format("matmul::multiply_few{}{}>", start, p.epilogue.name);
  const std::string pieces = fmt::format("matmul::multiply_few_pieces{}{}>", start, p.y_size);
  return make_launches(std::move(p), splits, shape, call, pieces, blocks, few_threads);
}

int64_t load_width(ElementType type, int64_t size) {
  int64_t width = 16 / (bits(type) / 8);
  while (size % width != 0) width /= 2;
  return width;
}

ElementType wrapping(ElementType type) {
  if (type == ElementType::i32) return ElementType::u32;
  return type == ElementType::i64 ? ElementType::u64 : type;
}

ElementType compute_type(ElementType type) { return is_half(type) ? ElementType::f32 : type; }

std::string broadcast_member(std::string_view name, const Operand& operand, const Operand& y) {
  const std::vector<Shape> shapes = {operand.shape}, strides = {operand.strides()};
  const ops::BroadcastPlan plan = ops::plan_broadcast(shapes, strides, y.shape, y.strides());
  std::string sum;
  int64_t step = 1;
  for (size_t axis = plan.sizes.size(); axis-- > 0;) {
    if (plan.strides[0][axis] != 0)
      sum += fmt::format("{}at / {} % {} * {}", sum.empty() ? "" : " + ", step, plan.sizes[axis],
                         plan.strides[0][axis]);
    step *= plan.sizes[axis];
  }
  return fmt::format(
      "  static __device__ __forceinline__ i64 {}([[maybe_unused]] i64 at) "
      "{{ return {}; }}\n",
      name, sum.empty() ? "0" : sum);
}

}  // namespace drawbar::cuda
