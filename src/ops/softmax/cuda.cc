#include <algorithm>

#include "ops/reduce/cuda_reduction.h"
#include "ops/softmax/op.h"

// Lines along any axis in any memory order. Those short enough are held in registers, so that
// memory is read and written once.

namespace drawbar::cuda {
namespace {

using ops::Softmax;

constexpr int64_t held_elements = 32;  // that one thread holds at the most
constexpr int64_t block_threads = 128;

Lines lines_of(const Problem& problem) {
  return lines_along(problem.inputs[0], problem.op.as<Softmax>()->axis);
}

bool applies(const Problem& problem) {
  return is_real(problem.inputs[0].type) && problem.inputs[0].layout == problem.outputs[0].layout;
}
bool warp_applies(const Problem& problem) {
  const Lines lines = lines_of(problem);
  return applies(problem) && lines.inner == 1 && lines.length <= 32 * held_elements;
}
bool block_applies(const Problem& problem) {
  const Lines lines = lines_of(problem);
  return applies(problem) && lines.inner == 1 && lines.length >= 256 &&
         lines.length <= 512 * held_elements;
}
bool pieces_apply(const Problem& problem) {
  const Lines lines = lines_of(problem);
  return applies(problem) && lines.inner == 1 && lines.length >= 256 * held_elements &&
         lines.count() <= problem.gpu.multiprocessors;
}
bool columns_apply(const Problem& problem) {
  const Lines lines = lines_of(problem);
  return applies(problem) && lines.inner > 1 && lines.length <= held_elements;
}

Launch launch_of(std::string call, int64_t blocks, int64_t threads, bool synchronises = true) {
  Launch launch = launch_along_x("ops/softmax/cuda_lines.cuh", std::move(call), blocks, threads);
  launch.synchronises = synchronises;
  return launch;
}

std::unique_ptr<Kernel> launch(const Problem& problem, std::string call, int64_t blocks,
                               int64_t threads, bool synchronises = true) {
  Launch launch = launch_of(std::move(call), blocks, threads, synchronises);
  launch.arguments = {input(problem, 0), output(problem, 0)};
  return make_kernel(std::move(launch));
}

/// Rows in the registers of `lanes` threads each.
std::unique_ptr<Kernel> held_rows(const Problem& problem, int64_t lanes) {
  const Lines lines = lines_of(problem);
  const ElementType type = problem.inputs[0].type;
  const int64_t threads = lanes > 32 ? lanes : block_threads, rows = threads / lanes;
  return launch(problem,
                fmt::format("softmax::held_rows<{}, {}, {}, {}, {}, {}, {}>", code_name(type),
                            lines.count(), lines.length, vector_width(lines.length, type), lanes,
                            threads, problem.op.as<Softmax>()->log),
                (lines.count() + rows - 1) / rows, threads);
}

std::unique_ptr<Kernel> make_warp(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const int64_t vectors = lines.length / vector_width(lines.length, problem.inputs[0].type);
  return held_rows(problem, std::min<int64_t>(32, power_of_two_from(vectors)));
}

std::unique_ptr<Kernel> make_block(const Problem& problem) {
  const Lines lines = lines_of(problem);
  return held_rows(problem, std::clamp<int64_t>(power_of_two_from(lines.length / 16), 64, 512));
}

std::unique_ptr<Kernel> make_columns(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const ElementType type = problem.inputs[0].type;
  const int64_t width = std::min(vector_width(lines.inner, type),
                                 power_of_two_from(held_elements / lines.length + 1) / 2);
  const int64_t items = lines.count() / width;
  return launch(problem,
                fmt::format("softmax::held_columns<{}, {}, {}, {}, {}, {}, {}>", code_name(type),
                            lines.count(), lines.length, lines.inner, width, block_threads,
                            problem.op.as<Softmax>()->log),
                (items + block_threads - 1) / block_threads, block_threads, false);
}

/// Few long rows, each shared by blocks: their sums first, then y.
std::unique_ptr<Kernel> make_pieces(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const ElementType type = problem.inputs[0].type;
  const int64_t threads = 256, width = vector_width(lines.length, type);
  const int64_t wanted = 2 * problem.gpu.multiprocessors / lines.count();
  const int64_t pieces =
      std::clamp<int64_t>(lines.length / (threads * held_elements / 2), 1, wanted);
  const std::string shape =
      fmt::format("{}, {}, {}, {}, {}", code_name(type), lines.length, width, pieces, threads);
  const int64_t blocks = lines.count() * pieces;
  const Argument states = scratch(0, ElementType::u8);
  Launch first = launch_of(fmt::format("softmax::pieces<{}>", shape), blocks, threads);
  first.arguments = {input(problem, 0), states};
  Launch second =
      launch_of(fmt::format("softmax::finish_pieces<{}, {}>", shape, problem.op.as<Softmax>()->log),
                blocks, threads);
  second.arguments = {input(problem, 0), states, output(problem, 0)};
  constexpr int64_t most_state_bytes = 16;
  return std::make_unique<LaunchedKernel>(std::vector{std::move(first), std::move(second)},
                                          static_cast<size_t>(blocks * most_state_bytes));
}

std::unique_ptr<Kernel> make_any(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const ElementType type = problem.inputs[0].type;
  const bool log = problem.op.as<Softmax>()->log;
  if (lines.inner == 1) {
    constexpr int64_t threads = 512;
    return launch(problem,
                  fmt::format("softmax::long_rows<{}, {}, {}, {}, {}>", code_name(type),
                              lines.length, vector_width(lines.length, type), threads, log),
                  lines.count(), threads);
  }
  const bool shared = lines.length >= 64;
  const int64_t across = shared ? 32 : block_threads, deep = shared ? 8 : 1;
  return launch(problem,
                fmt::format("softmax::columns<{}, {}, {}, {}, {}, {}, {}>", code_name(type),
                            lines.count(), lines.length, lines.inner, across, deep, log),
                (lines.count() + across - 1) / across, across * deep, shared);
}

double held_seconds(const Problem& problem) {
  return streaming_seconds(problem, 20.0 * static_cast<double>(problem.inputs[0].size()));
}
/// A warp waits longer for its own long row than a block does.
double warp_seconds(const Problem& problem) {
  return held_seconds(problem) * (lines_of(problem).length > 512 ? 1.1 : 0.9);
}
/// Reads twice; one block alone reads but a share of what memory gives.
double any_seconds(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const double filled =
      lines.inner > 1
          ? 1
          : std::min(1.0, static_cast<double>(lines.count()) / problem.gpu.multiprocessors);
  return (held_seconds(problem) + streaming_seconds(problem) / 2) / filled;
}
double pieces_seconds(const Problem& problem) {
  return held_seconds(problem) + streaming_seconds(problem);
}

DRAWBAR_CUDA_TACTIC(softmax, "Softmax", "softmax", applies, any_seconds, make_any);
DRAWBAR_CUDA_TACTIC(softmax_warp, "Softmax", "softmax_warp", warp_applies, warp_seconds, make_warp);
DRAWBAR_CUDA_TACTIC(softmax_block, "Softmax", "softmax_block", block_applies, held_seconds,
                    make_block);
DRAWBAR_CUDA_TACTIC(softmax_pieces, "Softmax", "softmax_pieces", pieces_apply, pieces_seconds,
                    make_pieces);
DRAWBAR_CUDA_TACTIC(softmax_columns, "Softmax", "softmax_columns", columns_apply, held_seconds,
                    make_columns);
DRAWBAR_CUDA_LAYOUT(Softmax, any);

}  // namespace
}  // namespace drawbar::cuda
