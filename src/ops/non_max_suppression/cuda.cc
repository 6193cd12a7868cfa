#include <algorithm>

#include "ops/non_max_suppression/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;
constexpr int64_t most_chunk = 4096;        // keys of 8 bytes: 32 KiB of shared memory
constexpr int64_t most_boxes = 1 << 17;     // one block goes through all of a class
constexpr int64_t most_scores = 1ll << 26;  // twice 8 bytes each: 1 GiB of scratch memory

bool has(const Problem& p, size_t i) { return i < p.inputs.size() && p.inputs[i].present; }

struct Sizes {
  int64_t lines, classes, boxes, most, chunk, chunks;

  explicit Sizes(const Problem& p) {
    const Operand& scores = p.inputs[1];
    classes = scores.dim(1);
    boxes = scores.dim(2);
    lines = scores.dim(0) * classes;
    most = std::min(boxes, p.op.as<ops::NonMaxSuppressionPadded>()->most);
    chunk = 64;
    while (chunk < most_chunk && chunk < boxes) chunk *= 2;
    chunks = (boxes + chunk - 1) / chunk;
  }
};

std::optional<std::string> refusal(const Problem& p) {
  const Sizes s(p);
  if (s.boxes > most_boxes)
    return fmt::format("it has {} boxes, at most {} are supported", s.boxes, most_boxes);
  if (s.lines > most_scores / s.boxes) {
    return fmt::format("it has {} scores, at most {} are supported", p.inputs[1].size(),
                       most_scores);
  }
  return std::nullopt;
}

bool applies(const Problem& p) {
  const auto is_taken = [](const Operand& o) {
    return !o.present || (o.layout == Layout::row_major &&
                          (o.type == ElementType::f32 || o.type == ElementType::i64));
  };
  return has(p, 2) && std::all_of(p.inputs.begin(), p.inputs.end(), is_taken) && !refusal(p);
}

/// As if so many boxes were gone through for each that is selected, and a tile at least.
constexpr int64_t boxes_for_one = 16;

double seconds(const Problem& p) {
  const Sizes s(p);
  const auto scores = static_cast<double>(p.inputs[1].size());
  double passes = 1;
  for (int64_t run = s.chunk; run < s.boxes; run *= 2) ++passes;
  const double sort = passes * (p.gpu.launch_seconds + scores * 16 / p.gpu.bandwidth) +
                      scores * 200 / p.gpu.f32_operations;
  const int64_t seen = std::min(s.boxes, block_threads + boxes_for_one * s.most);
  const double comparisons =
      static_cast<double>(seen) * static_cast<double>(s.most + block_threads);
  // A block has half of a multiprocessor's pace, whose peak counts a multiply-add as two.
  const double pace = p.gpu.f32_operations / p.gpu.multiprocessors / 4;
  const int64_t at_once = 2 * p.gpu.multiprocessors;
  const auto waves = static_cast<double>((s.lines + at_once - 1) / at_once);
  return sort + waves * comparisons * 20 / pace + 2 * p.gpu.launch_seconds;
}

Launch launch_of(std::string call, int64_t blocks, std::vector<Argument> arguments) {
  Launch launch = launch_along_x("ops/non_max_suppression/cuda_suppress.cuh", std::move(call),
                                 blocks, block_threads, std::move(arguments));
  launch.synchronises = true;
  return launch;
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Sizes s(p);
  const std::string problem = fmt::format(
      "suppression::Problem<{}, {}, {}, {}, {}, {}, {}>", s.lines, s.classes, s.boxes, s.most,
      p.op.as<ops::NonMaxSuppressionPadded>()->center_point_box, has(p, 4), has(p, 3));
  // What is absent is not read.
  const Argument overlap_limit = input(p, has(p, 3) ? 3 : 1), least = input(p, has(p, 4) ? 4 : 1);
  size_t bytes = 0;
  const auto reserve = [&](int64_t items, ElementType type) {
    const Argument place = scratch(bytes, type);
    bytes += static_cast<size_t>((storage_bytes(type, items) + 255) / 256 * 256);
    return place;
  };
  Argument sorted = reserve(s.lines * s.boxes, ElementType::u64);
  const Argument chosen = reserve(s.lines * s.most, ElementType::i32),
                 counts = reserve(s.lines, ElementType::i32);
  std::vector<Launch> launches;
  launches.push_back(launch_of(fmt::format("suppression::sort_chunks<{}, {}>", problem, s.chunk),
                               s.lines * s.chunks, {input(p, 1), least, sorted}));
  if (s.chunks > 1) {
    Argument merged = reserve(s.lines * s.boxes, ElementType::u64);
    for (int64_t run = s.chunk; run < s.boxes; run *= 2) {
      launches.push_back(launch_of(fmt::format("suppression::merge<{}, {}>", problem, run),
                                   blocks_for(s.lines * s.boxes, block_threads).x,
                                   {sorted, merged}));
      launches.back().synchronises = false;
      std::swap(sorted, merged);
    }
  }
  launches.push_back(launch_of(
      fmt::format("suppression::select<{}>", problem), s.lines,
      {input(p, 0), input(p, 1), input(p, 2), overlap_limit, least, sorted, chosen, counts}));
  launches.push_back(launch_of(fmt::format("suppression::write_rows<{}>", problem), s.lines,
                               {chosen, counts, output(p, 0), output(p, 1)}));
  return std::make_unique<LaunchedKernel>(std::move(launches), bytes);
}

DRAWBAR_CUDA_TACTIC(suppression, .op = "NonMaxSuppressionPadded", .name = "sorted_tiles",
                    .applies = applies, .seconds = seconds, .make = make, .refusal = refusal);

}  // namespace
}  // namespace drawbar::cuda
