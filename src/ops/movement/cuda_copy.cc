#include "ops/movement/cuda_copy.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/hash.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t copy_threads = 256;
constexpr size_t most_parts = 32;  // of one launch
constexpr std::string_view copy_file = "ops/movement/cuda_copy.cuh";

struct Dimension {
  int64_t size, from, to;
};

/// A copy with its dimensions in the destination's order, innermost first, neighbours merged and
/// elements as wide as they can be.
struct Plain {
  std::vector<Dimension> dimensions;
  int64_t bytes, from_offset, to_offset;

  int64_t size() const {
    int64_t result = 1;
    for (const Dimension& d : dimensions) result *= d.size;
    return result;
  }
  /// Elements up to the last one that is read or written, or before the first one.
  int64_t reach() const {
    int64_t from = std::abs(from_offset), to = to_offset;
    for (const Dimension& d : dimensions) {
      from += d.size * std::abs(d.from);
      to += d.size * d.to;
    }
    return std::max({from, to, size()});
  }
};

void merge_neighbours(std::vector<Dimension>& dimensions) {
  std::vector<Dimension> merged;
  for (const Dimension& d : dimensions) {
    if (d.size == 1) continue;
    if (!merged.empty()) {
      Dimension& inner = merged.back();
      if (d.from == inner.size * inner.from && d.to == inner.size * inner.to) {
        inner.size *= d.size;
        continue;
      }
    }
    merged.push_back(d);
  }
  dimensions = std::move(merged);
}

Plain plain_copy(const ops::StridedCopy& copy, int64_t bytes) {
  Plain plain{{}, bytes, copy.from_offset, copy.to_offset};
  for (size_t i = copy.shape.size(); i-- > 0;)
    plain.dimensions.push_back({copy.shape[i], copy.from_strides[i], copy.to_strides[i]});
  std::stable_sort(plain.dimensions.begin(), plain.dimensions.end(),
                   [](const Dimension& a, const Dimension& b) { return a.to < b.to; });
  merge_neighbours(plain.dimensions);
  if (plain.dimensions.empty() || plain.dimensions[0].from != 1 || plain.dimensions[0].to != 1)
    return plain;
  std::vector<int64_t> numbers = {plain.dimensions[0].size, plain.from_offset, plain.to_offset};
  for (size_t i = 1; i < plain.dimensions.size(); ++i)
    numbers.insert(numbers.end(), {plain.dimensions[i].from, plain.dimensions[i].to});
  const int64_t width = widening(bytes, numbers);
  if (width == 1) return plain;
  plain.bytes *= width;
  plain.from_offset /= width;
  plain.to_offset /= width;
  plain.dimensions[0].size /= width;
  for (size_t i = 1; i < plain.dimensions.size(); ++i) {
    plain.dimensions[i].from /= width;
    plain.dimensions[i].to /= width;
  }
  merge_neighbours(plain.dimensions);
  return plain;
}

std::string axes_text(std::span<const Dimension> dimensions) {
  std::string result;
  for (const Dimension& d : dimensions)
    result += fmt::format(", movement::Axis<{}, {}, {}>", d.size, d.from, d.to);
  return result;
}

/// The largest power of two up to `most` that divides all numbers.
int64_t common_width(int64_t most, std::initializer_list<int64_t> numbers) {
  while (most > 1 && std::any_of(numbers.begin(), numbers.end(),
                                 [most](int64_t number) { return number % most != 0; }))
    most /= 2;
  return most;
}

/// A transposition in tiles; no file where the copy is none or too thin for it.
Launch tiled_copy(const Plain& plain) {
  Launch launch;
  if (plain.dimensions.size() < 2 || plain.dimensions[0].to != 1 || plain.dimensions[0].from == 1)
    return launch;
  const Dimension inner = plain.dimensions[0];
  const auto found = std::find_if(plain.dimensions.begin() + 1, plain.dimensions.end(),
                                  [](const Dimension& d) { return d.from == 1; });
  if (found == plain.dimensions.end() || inner.from <= 0) return launch;
  const Dimension across = *found;
  std::vector<Dimension> batch;
  int64_t from_common = plain.from_offset, to_common = plain.to_offset;
  for (const Dimension& d : plain.dimensions) {
    if (&d == plain.dimensions.data() || &d == &*found) continue;
    batch.push_back(d);
    from_common = std::gcd(from_common, d.from);
    to_common = std::gcd(to_common, d.to);
  }
  // Threads move at least 4 bytes at once, and a warp a whole line of a square tile.
  const int64_t wide = std::max<int64_t>(1, 4 / plain.bytes), edge = 32 * wide;
  const int64_t elements = 1024 * wide;
  if (across.size * inner.size < 256 || inner.from < across.size || across.to < inner.size)
    return launch;
  int64_t across_tile = edge, inner_tile = edge;
  if (across.size < edge && inner.size < edge) {
    across_tile = across.size;
    inner_tile = inner.size;
  } else if (across.size < edge) {
    across_tile = across.size;
    inner_tile = std::max<int64_t>(1, elements / across.size / edge) * edge;
  } else if (inner.size < edge) {
    inner_tile = inner.size;
    across_tile = std::max<int64_t>(1, elements / inner.size / edge) * edge;
  }
  const bool flat_load = across_tile == across.size && inner.from == across.size;
  const bool flat_store = inner_tile == inner.size && across.to == inner.size;
  const int64_t most = std::max<int64_t>(1, 4 / plain.bytes);
  const int64_t load =
      flat_load
          ? common_width(most, {inner_tile * across.size, inner.size * across.size, from_common})
          : common_width(most, {across_tile, across.size, inner.from, from_common});
  const int64_t store =
      flat_store
          ? common_width(most, {across_tile * inner.size, across.size * inner.size, to_common})
          : common_width(most, {inner_tile, inner.size, across.to, to_common});
  const std::string size = fmt::format("movement::Tiles<{}, {}, {}, {}>", across.size, across_tile,
                                       inner.size, inner_tile);
  launch.file = copy_file;
  launch.call = fmt::format("movement::copy_tiles<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}{}>",
                            plain.bytes, size, load, store, flat_load, flat_store, inner.from,
                            across.to, plain.from_offset, plain.to_offset, axes_text(batch));
  launch.grid.x =
      (across.size + across_tile - 1) / across_tile * ((inner.size + inner_tile - 1) / inner_tile);
  for (const Dimension& d : batch) launch.grid.x *= d.size;
  launch.block.x = copy_threads;
  launch.synchronises = true;
  return launch;
}

/// What a thread of a direct copy stores at once: whole 16 bytes of a repeated element, else no
/// more than 4, so that the threads of a warp still read near each other.
int64_t store_width(const Plain& plain) {
  if (plain.dimensions.empty() || plain.dimensions[0].to != 1) return 1;
  int64_t width = std::max<int64_t>(1, (plain.dimensions[0].from == 0 ? 16 : 4) / plain.bytes);
  const auto fits = [&] {
    if (plain.dimensions[0].size % width != 0 || plain.to_offset % width != 0) return false;
    return std::all_of(plain.dimensions.begin() + 1, plain.dimensions.end(),
                       [&](const Dimension& d) { return d.to % width == 0; });
  };
  while (width > 1 && !fits()) width /= 2;
  return width;
}

}  // namespace

bool is_copyable(ElementType type) { return type != ElementType::string && bits(type) >= 8; }

bool all_copyable(std::span<const Operand> inputs, const Operand& output) {
  return output.present && is_copyable(output.type) &&
         std::all_of(inputs.begin(), inputs.end(), [&](const Operand& input) {
           return input.present && input.type == output.type;
         });
}

Argument input_bytes(size_t index) { return {Argument::Source::input, index, ElementType::u8}; }
Argument output_bytes(size_t index) { return {Argument::Source::output, index, ElementType::u8}; }

double movement_seconds(const Problem& problem, int64_t elements, ElementType type) {
  return problem.gpu.launch_seconds +
         2 * static_cast<double>(storage_bytes(type, elements)) / problem.gpu.bandwidth;
}

std::string_view index_type(int64_t elements) {
  return elements < (int64_t{1} << 30) ? "int" : "i64";
}

int64_t widening(int64_t bytes, std::span<const int64_t> numbers) {
  int64_t width = std::max<int64_t>(1, 16 / bytes);
  for (int64_t number : numbers) {
    while (width > 1 && number % width != 0) width /= 2;
  }
  return width;
}

void CopyPlan::add(const ops::StridedCopy& copy, ElementType type, size_t input, size_t output) {
  if (copy.size() == 0) return;
  const Plain plain = plain_copy(copy, bits(type) / 8);
  Launch tiled = tiled_copy(plain);
  if (!tiled.file.empty()) {
    tiled.arguments = {input_bytes(input), output_bytes(output)};
    tiled_.push_back(std::move(tiled));
    return;
  }
  std::vector<Dimension> groups = plain.dimensions;
  if (groups.empty()) groups.push_back({1, 1, 1});
  const int64_t store = store_width(plain), step = groups[0].from;
  groups[0] = {groups[0].size / store, groups[0].from * store, groups[0].to * store};
  const int64_t items = plain.size() / store;
  // Several copies on the way for each thread, where enough blocks remain to fill the device.
  const int64_t per_thread = items >= copy_threads * 4 * 1024 ? 4 : 1;
  parts_.push_back({fmt::format("movement::copy_strided<{}, {}, {}, {}, {}, {}, {}, {}{}>",
                                plain.bytes, index_type(plain.reach()), per_thread, store, step,
                                items, plain.from_offset, plain.to_offset, axes_text(groups)),
                    blocks_for(items, copy_threads * per_thread).x, input, output});
}

Launch CopyPlan::together(std::span<const Part> parts) const {
  Launch launch;
  launch.file = copy_file;
  launch.block.x = copy_threads;
  launch.grid.x = 0;
  std::string body, parameters;
  std::vector<std::pair<bool, size_t>> operands;  // (is an output, its index)
  const auto place = [&](bool is_output, size_t index) {
    const auto found = std::find(operands.begin(), operands.end(), std::pair(is_output, index));
    const auto at = found - operands.begin();
    if (found == operands.end()) {
      operands.emplace_back(is_output, index);
      launch.arguments.push_back(is_output ? output_bytes(index) : input_bytes(index));
      parameters += fmt::format("{}{}void* p{}", at ? ", " : "", is_output ? "" : "const ", at);
    }
    return at;
  };
  for (const Part& part : parts) {
    const auto from = place(false, part.input), to = place(true, part.output);
    body += fmt::format("  if (block < {}) return {}(p{}, p{}, block);\n  block -= {};\n",
                        part.blocks, part.call, from, to, part.blocks);
    launch.grid.x += part.blocks;
  }
  launch.call = "copy_" + hash_bytes(parameters + body).hex().substr(0, 16);
  launch.preface.push_back(
      fmt::format("__device__ __forceinline__ void {}({}) {{\n  i64 block = blockIdx.x;\n{}}}",
                  launch.call, parameters, body));
  return launch;
}

std::vector<Launch> CopyPlan::launches() const {
  std::vector<Launch> result = tiled_;
  for (size_t first = 0; first < parts_.size(); first += most_parts) {
    result.push_back(
        together(std::span(parts_).subspan(first, std::min(most_parts, parts_.size() - first))));
  }
  return result;
}

std::unique_ptr<Kernel> CopyPlan::kernel() const {
  return std::make_unique<LaunchedKernel>(launches());
}

}  // namespace drawbar::cuda
