#include "ops/pad/cuda_plan.h"

#include <algorithm>
#include <array>

#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

struct Padded {
  int64_t size, from, to;
  ops::PadAxis axis;

  bool whole() const { return axis.lead == 0 && axis.kept == size; }
};

std::string_view mode_name(ops::PadMode mode) {
  static constexpr std::string_view names[] = {"constant", "reflect", "edge", "wrap"};
  return names[static_cast<size_t>(mode)];
}

}  // namespace

/// Axes in y's order, innermost first. One that is not padded merges with its outer neighbour: what
/// was padded by a row is padded by all elements of the row, where the rows' order does not turn.
std::unique_ptr<Kernel> pad_kernel(const Operand& x, const Operand& y,
                                   const std::vector<ops::PadAxis>& axes,
                                   std::optional<size_t> value) {
  const Shape from_strides = x.strides(), to_strides = y.strides();
  std::vector<Padded> all;
  int64_t offset = 0;
  for (size_t i = axes.size(); i-- > 0;) {
    offset += axes[i].cut * from_strides[i];
    all.push_back({y.shape[i], from_strides[i], to_strides[i], axes[i]});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Padded& a, const Padded& b) { return a.to < b.to; });
  std::vector<Padded> merged;
  for (const Padded& d : all) {
    if (d.size == 1 && d.whole()) continue;
    if (!merged.empty()) {
      Padded& inner = merged.back();
      const bool neighbours =
          inner.whole() && d.from == inner.size * inner.from && d.to == inner.size * inner.to;
      if (neighbours && (d.whole() || d.axis.mode == ops::PadMode::constant)) {
        const int64_t row = inner.size;
        inner.axis = {d.axis.mode, d.axis.cut * row, d.axis.kept * row, d.axis.lead * row,
                      d.axis.total * row};
        inner.size *= d.size;
        continue;
      }
    }
    merged.push_back(d);
  }
  int64_t width = 1;
  if (!merged.empty() && merged[0].from == 1 && merged[0].to == 1) {
    std::vector<int64_t> numbers = {merged[0].size, offset};
    if (!merged[0].whole()) {
      const bool constant = merged[0].axis.mode == ops::PadMode::constant;
      numbers.insert(numbers.end(), {constant ? merged[0].axis.lead : 1, merged[0].axis.kept});
    }
    for (size_t i = 1; i < merged.size(); ++i)
      numbers.insert(numbers.end(), {merged[i].from, merged[i].to});
    width = widening(bits(y.type) / 8, numbers);
  }
  std::string text;
  for (size_t i = 0; i < merged.size(); ++i) {
    const Padded& d = merged[i];
    const int64_t in = i == 0 ? width : 1, out = i == 0 ? 1 : width;
    text += fmt::format(", pad::Axis<{}, {}, {}, {}, {}, pad::Mode::{}>", d.size / in, d.from / out,
                        d.to / out, d.axis.lead / in, d.axis.kept / in, mode_name(d.axis.mode));
  }
  const int64_t items = y.size() / width;
  Launch launch;
  launch.file = "ops/pad/cuda_pad.cuh";
  launch.call =
      fmt::format("pad::elements<{}, {}, {}, {}, {}{}>", bits(y.type) / 8, width,
                  index_type(std::max(x.size(), y.size()) / width), offset / width, items, text);
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input_bytes(0), output_bytes(0)};
  if (value) launch.arguments.push_back(input_bytes(*value));
  return make_kernel(std::move(launch));
}

}  // namespace drawbar::cuda
