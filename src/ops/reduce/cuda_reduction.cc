#include "ops/reduce/cuda_reduction.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

constexpr const char* file = "ops/reduce/cuda_kernels.cuh";
constexpr int64_t block_threads = 256;

/// A loop over x, in the order of its memory.
struct Axis {
  int64_t size, from, to;  // elements between neighbours in x, and in y where it is kept
  bool reduced;
};

/// From the outermost to the innermost; neighbours that both tensors allow to join are one, and
/// there is always one.
std::vector<Axis> axes_of(const Operand& x, const Operand& y, const std::vector<bool>& reduced) {
  const Shape from = x.strides(), to = y.strides();
  std::vector<Axis> axes;
  size_t kept = 0;
  for (size_t i = 0; i < reduced.size(); ++i) {
    const size_t own = y.rank() == x.rank() ? i : kept;
    if (x.shape[i] != 1)
      axes.push_back({x.shape[i], from[i], reduced[i] ? 0 : to[own], reduced[i]});
    if (!reduced[i]) ++kept;
  }
  std::ranges::stable_sort(axes, std::greater<>(), &Axis::from);
  std::vector<Axis> joined;
  for (const Axis& axis : axes) {
    if (!joined.empty()) {
      Axis& last = joined.back();
      if (last.reduced == axis.reduced && last.from == axis.from * axis.size &&
          last.to == axis.to * axis.size) {
        last = {last.size * axis.size, axis.from, axis.to, axis.reduced};
        continue;
      }
    }
    joined.push_back(axis);
  }
  if (joined.empty()) joined.push_back({1, 1, 1, false});
  return joined;
}

enum class Which { kept, reduced };

/// reduce::Offset over the kept or reduced loops, innermost first; the innermost one of all counts
/// vectors of `width` elements.
std::string offset(const std::vector<Axis>& axes, Which which, int64_t Axis::*stride,
                   int64_t width = 1, bool with_innermost = true) {
  std::string result;
  for (size_t i = axes.size(); i-- > 0;) {
    const bool innermost = i + 1 == axes.size();
    if (axes[i].reduced != (which == Which::reduced) || (innermost && !with_innermost)) continue;
    const int64_t factor = innermost ? width : 1;
    result += fmt::format("{}reduce::Loop<{}, {}>", result.empty() ? "" : ", ",
                          axes[i].size / factor, axes[i].*stride * factor);
  }
  return "reduce::Offset<" + result + ">";
}

int64_t extent(const std::vector<Axis>& axes, bool reduced) {
  int64_t result = 1;
  for (const Axis& axis : axes) {
    if (axis.reduced == reduced) result *= axis.size;
  }
  return result;
}

int64_t width_of(const std::vector<Axis>& axes, ElementType type) {
  if (axes.back().from != 1) return 1;
  int64_t width = vector_width(axes.back().size, type);
  for (size_t i = 0; i + 1 < axes.size(); ++i) width = std::gcd(width, axes[i].from);
  return is_real(type) ? width : std::min<int64_t>(width, 4);
}

/// How many blocks share a result so that there are two for every multiprocessor, each having
/// `most` at the most.
int64_t parts_of(const Problem& problem, int64_t blocks, int64_t most) {
  const int64_t wanted = 2 * problem.gpu.multiprocessors / blocks;
  return std::clamp<int64_t>(std::min(wanted, most), 1, 512);
}

}  // namespace

std::unique_ptr<Kernel> make_reduction(const Problem& problem, const std::string& fold,
                                       const std::vector<bool>& reduced) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const std::vector<Axis> axes = axes_of(x, y, reduced);
  const int64_t width = width_of(axes, x.type);
  const int64_t outputs = extent(axes, false), count = extent(axes, true);
  const std::string_view type = code_name(x.type), index = index_type(std::max(x.size(), y.size()));
  const std::string to = offset(axes, Which::kept, &Axis::to);

  Launch launch;
  launch.file = file;
  int64_t parts = 1;
  if (axes.back().reduced) {
    const int64_t vectors = count / width;
    const bool few = outputs < 8 * problem.gpu.multiprocessors;
    const bool small = vectors < (few ? 128 : 512);
    const int64_t lanes = small ? std::min<int64_t>(32, power_of_two_from(vectors)) : block_threads;
    if (!small) parts = parts_of(problem, outputs, vectors / (4 * block_threads));
    launch.call = fmt::format("reduce::rows<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}>", fold,
                              type, index, offset(axes, Which::kept, &Axis::from), to,
                              offset(axes, Which::reduced, &Axis::from, width), outputs, vectors,
                              width, lanes, block_threads, parts);
    launch.grid = blocks_for(outputs * parts, block_threads / lanes);
    launch.block.x = block_threads;
  } else {
    const int64_t columns = axes.back().size / width, lines = outputs / width;
    // A thread for each column where those fill the GPU, else several that share it.
    const int64_t wanted =
        power_of_two_from(problem.gpu.multiprocessors * int64_t{1024} / lines) / 2;
    const bool shared = wanted > 1 && count >= 8;
    const int64_t across = shared ? std::min<int64_t>(32, power_of_two_from(lines)) : 128;
    const int64_t deep = shared ? block_threads / across : 1;
    const int64_t blocks = (lines + across - 1) / across;
    if (shared) parts = parts_of(problem, blocks, count / (8 * deep));
    const bool dense = axes.back().to == 1 && std::ranges::all_of(axes, [&](const Axis& axis) {
                         return axis.reduced || axis.to == 1 || axis.to % width == 0;
                       });
    launch.call =
        fmt::format("reduce::columns<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}>", fold,
                    type, index, offset(axes, Which::kept, &Axis::from, 1, false), to,
                    offset(axes, Which::reduced, &Axis::from), lines, columns, count, width, across,
                    deep, parts, dense);
    launch.grid.x = blocks * parts;
    launch.block.x = across * deep;
  }
  launch.synchronises = true;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  if (parts == 1) return make_kernel(std::move(launch));

  constexpr size_t most_state_bytes = 16;
  launch.arguments[1] = scratch(0, ElementType::u8);
  Launch last;
  last.file = file;
  last.call = fmt::format("reduce::parts<{}, {}, {}, {}, {}, {}, {}, {}>", fold, type, index, to,
                          outputs, count, parts, block_threads);
  last.grid = blocks_for(outputs, block_threads / 32);
  last.block.x = block_threads;
  last.synchronises = true;
  last.arguments = {scratch(0, ElementType::u8), output(problem, 0)};
  return std::make_unique<LaunchedKernel>(std::vector{std::move(launch), std::move(last)},
                                          static_cast<size_t>(outputs * parts) * most_state_bytes);
}

Lines lines_along(const Operand& operand, int64_t axis) {
  if (operand.rank() == 0) return {};
  const auto own = static_cast<size_t>(axis < 0 ? axis + operand.rank() : axis);
  Lines lines{.length = operand.shape[own]};
  const Shape strides = operand.strides();
  // Axes of one element are nowhere.
  for (size_t i = 0; i < strides.size(); ++i) {
    if (i == own || operand.shape[i] == 1) continue;
    const bool inside = lines.length == 1 ? i > own : strides[i] < strides[own];
    (inside ? lines.inner : lines.outer) *= operand.shape[i];
  }
  return lines;
}

int64_t vector_width(int64_t count, ElementType type) {
  int64_t width = 16 / std::max<int64_t>(1, bits(type) / 8);
  while (count % width != 0) width /= 2;
  return width;
}

int64_t power_of_two_from(int64_t value) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(value, 1))));
}

std::string float_bits(float value) { return fmt::format("{}u", std::bit_cast<uint32_t>(value)); }

}  // namespace drawbar::cuda
