#include <algorithm>

#include "ops/movement/cuda_copy.h"
#include "ops/select/op.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;
constexpr int64_t most_chunk = 4096;  // keys of 8 bytes: 32 KiB of shared memory

bool all_row_major(const Problem& p) {
  const auto plain = [](const Operand& o) { return o.layout == Layout::row_major; };
  return std::all_of(p.inputs.begin(), p.inputs.end(), plain) &&
         std::all_of(p.outputs.begin(), p.outputs.end(), plain);
}

struct Lines {
  int64_t size, k, count;
  std::string text;

  explicit Lines(const Problem& p) {
    const Operand& x = p.inputs[0];
    const auto& op = *p.op.as<ops::TopK>();
    const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
    int64_t inner = 1;
    for (size_t i = axis + 1; i < x.shape.size(); ++i) inner *= x.shape[i];
    size = x.shape[axis];
    k = p.outputs[0].shape[axis];
    count = x.size() / size;
    text = fmt::format("top_k::Lines<{}, {}, {}, {}, {}>", code_name(x.type), op.largest, size,
                       inner, k);
  }
  /// Whether rounds leave fewer candidates each time.
  bool shrink() const { return size <= most_chunk || k <= most_chunk / 2; }
};

/// k is that of the outputs' shape.
bool top_applies(const Problem& p) {
  const Operand& x = p.inputs[0];
  return have_code_names(p) && all_row_major(p) && p.outputs.size() == 2 && x.rank() > 0 &&
         x.type != ElementType::boolean && x.size() < int64_t{1} << 31;
}

bool rounds_apply(const Problem& p) {
  return top_applies(p) && bits(p.inputs[0].type) <= 32 && Lines(p).shrink();
}

/// What is left: it reads a line once for each of its elements.
bool count_applies(const Problem& p) { return top_applies(p) && !rounds_apply(p); }

Launch launch_of(std::string call, int64_t blocks, std::vector<Argument> arguments) {
  Launch launch = launch_along_x("ops/select/cuda_top_k.cuh", std::move(call), blocks,
                                 block_threads, std::move(arguments));
  launch.synchronises = true;
  return launch;
}

std::unique_ptr<Kernel> make_rounds(const Problem& p) {
  const Lines lines(p);
  int64_t chunk = 64;
  while (chunk < most_chunk && chunk < lines.size) chunk *= 2;
  const auto blocks_of = [&](int64_t candidates) { return (candidates + chunk - 1) / chunk; };
  // Two lists of candidates in turns; the second round's is the longest that comes after the first.
  const int64_t longest = lines.count * blocks_of(lines.size) * lines.k * 8;
  const int64_t second = (longest + 255) / 256 * 256;
  std::vector<Launch> launches;
  int64_t candidates = lines.size;
  for (bool first = true, done = false; !done; first = false) {
    const int64_t blocks = blocks_of(candidates);
    done = blocks == 1;
    const bool even = launches.size() % 2 == 0;
    launches.push_back(
        launch_of(fmt::format("top_k::round<{}, {}, {}, {}, {}>", lines.text, chunk, first,
                              candidates, blocks),
                  lines.count * blocks,
                  {input(p, 0), scratch(even ? static_cast<size_t>(second) : 0, ElementType::u64),
                   scratch(even ? 0 : static_cast<size_t>(second), ElementType::u64), output(p, 0),
                   output(p, 1)}));
    candidates = blocks * lines.k;
  }
  const size_t bytes = launches.size() > 1 ? static_cast<size_t>(second + longest) : 256;
  return std::make_unique<LaunchedKernel>(std::move(launches), bytes);
}

std::unique_ptr<Kernel> make_count(const Problem& p) {
  const Lines lines(p);
  const int64_t blocks = blocks_for(lines.size, block_threads).x;
  return make_kernel(launch_of(fmt::format("top_k::count<{}, {}>", lines.text, blocks),
                               lines.count * blocks, {input(p, 0), output(p, 0), output(p, 1)}));
}

double rounds_seconds(const Problem& p) {
  return p.gpu.launch_seconds + streaming_seconds(p, 100 * static_cast<double>(p.inputs[0].size()));
}

double count_seconds(const Problem& p) {
  const Lines lines(p);
  return streaming_seconds(
      p, 4 * static_cast<double>(p.inputs[0].size()) * static_cast<double>(lines.size));
}

bool one_hot_applies(const Problem& p) {
  return all_row_major(p) && p.inputs[0].present && has_code_name(p.inputs[0].type) &&
         p.inputs[0].type != ElementType::boolean && p.inputs[2].size() == 2 &&
         all_copyable(p.inputs.subspan(2, 1), p.outputs[0]);
}

double one_hot_seconds(const Problem& p) { return streaming_seconds(p); }

/// The depth is that of the output's shape.
std::unique_ptr<Kernel> make_one_hot(const Problem& p) {
  const Operand& y = p.outputs[0];
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::OneHot>()->axis, y.rank()));
  int64_t inner = 1;
  for (size_t i = axis + 1; i < y.shape.size(); ++i) inner *= y.shape[i];
  Launch launch;
  launch.file = "ops/select/cuda_one_hot.cuh";
  launch.call = fmt::format("one_hot::elements<{}, {}, {}, {}, {}>", bits(y.type) / 8,
                            code_name(p.inputs[0].type), y.shape[axis], inner, y.size());
  launch.grid = blocks_for(y.size(), block_threads);
  launch.block.x = block_threads;
  launch.arguments = {input(p, 0), input_bytes(2), output_bytes(0)};
  return make_kernel(std::move(launch));
}

DRAWBAR_CUDA_TACTIC(top_rounds, .op = "TopK", .name = "rounds", .applies = rounds_apply,
                    .seconds = rounds_seconds, .make = make_rounds);
DRAWBAR_CUDA_TACTIC(top_count, .op = "TopK", .name = "count", .applies = count_applies,
                    .seconds = count_seconds, .make = make_count);
DRAWBAR_CUDA_TACTIC(one_hot, .op = "OneHot", .name = "elements", .applies = one_hot_applies,
                    .seconds = one_hot_seconds, .make = make_one_hot);

}  // namespace
}  // namespace drawbar::cuda
