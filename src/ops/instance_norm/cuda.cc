#include <algorithm>

#include "ops/instance_norm/op.h"
#include "ops/movement/cuda_copy.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::GroupNorm;

constexpr const char* file = "ops/instance_norm/cuda_groups.cuh";
constexpr int64_t held_elements = 32;  // that one thread holds at the most
constexpr int64_t block_threads = 256;

/// How x is read: groups as code, and vectors that its runs allow.
struct Reading {
  std::string groups, index;
  int64_t length = 1, total = 1, run = 1, width = 1;
  bool per_channel = true;  // parameters

  explicit Reading(const Problem& problem) {
    const Operand& x = problem.inputs[0];
    const bool last = x.layout == Layout::channels_last;
    const int64_t channels = x.dim(1), given = problem.op.as<GroupNorm>()->groups;
    const int64_t count = given == 0 ? channels : given, together = channels / count;
    const int64_t image = x.size() / x.dim(0), spatial = image / channels;
    length = together * spatial;
    total = x.dim(0) * count;
    run = last ? together : length;
    width = vector_width(run, x.type);
    per_channel = problem.inputs[1].size() == channels;
    groups = fmt::format("instance_norm::Groups<{}, {}, {}, {}, {}, {}, {}, {}>", count, channels,
                         length, run, channels, last ? 1 : spatial, image, run);
    index = index_type(image);
  }
  int64_t vectors() const { return length / width; }
};

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && !is_real(operand.type)) return false;
    }
  }
  return problem.inputs[0].layout == problem.outputs[0].layout &&
         problem.inputs[1].size() == problem.inputs[2].size();
}
bool held_applies(const Problem& problem) {
  return applies(problem) && Reading(problem).length <= 512 * held_elements;
}

Launch launch(std::string call, int64_t blocks, int64_t threads) {
  Launch launch = launch_along_x(file, std::move(call), blocks, threads);
  launch.synchronises = true;
  return launch;
}

std::unique_ptr<Kernel> make_held(const Problem& problem) {
  const Reading r(problem);
  const int64_t lanes = r.length <= 512
                            ? std::min<int64_t>(32, power_of_two_from(r.vectors()))
                            : std::clamp<int64_t>(power_of_two_from(r.length / 16), 64, 512);
  const int64_t threads = lanes > 32 ? lanes : block_threads, teams = threads / lanes;
  Launch result =
      launch(fmt::format("instance_norm::held<{}, {}, {}, {}, {}, {}, {}, {}, {}>", r.groups,
                         r.index, r.total, (r.vectors() + lanes - 1) / lanes, r.width, lanes,
                         threads, r.per_channel, float_bits(problem.op.as<GroupNorm>()->epsilon)),
             (r.total + teams - 1) / teams, threads);
  for (size_t i = 0; i < 3; ++i) result.arguments.push_back(input(problem, i));
  result.arguments.push_back(output(problem, 0));
  return make_kernel(std::move(result));
}

/// In pieces, each held by a block: moments first, then y.
std::unique_ptr<Kernel> make_pieces(const Problem& problem) {
  const Reading r(problem);
  const ElementType moments =
      problem.inputs[0].type == ElementType::f64 ? ElementType::f64 : ElementType::f32;
  // Enough pieces for two blocks of every multiprocessor, and no more than a thread can hold.
  const int64_t wanted = std::max<int64_t>(2 * problem.gpu.multiprocessors / r.total, 1);
  const int64_t vectors = (r.vectors() + block_threads * wanted - 1) / (block_threads * wanted);
  const int64_t each = std::clamp<int64_t>(power_of_two_from(vectors), 1, held_elements / r.width);
  const int64_t piece = each * block_threads;
  const int64_t pieces = (r.vectors() + piece - 1) / piece;
  const std::string shape = fmt::format("{}, {}, {}, {}, {}, {}", r.groups, r.index, pieces, each,
                                        r.width, block_threads);
  Launch first =
      launch(fmt::format("instance_norm::pieces<{}>", shape), r.total * pieces, block_threads);
  first.arguments = {input(problem, 0), scratch(0, moments)};
  Launch second = launch(fmt::format("instance_norm::normalise<{}, {}, {}>", shape, r.per_channel,
                                     float_bits(problem.op.as<GroupNorm>()->epsilon)),
                         r.total * pieces, block_threads);
  for (size_t i = 0; i < 3; ++i) second.arguments.push_back(input(problem, i));
  second.arguments.push_back(scratch(0, moments));
  second.arguments.push_back(output(problem, 0));
  const int64_t bytes = 2 * r.total * pieces * bits(moments) / 8;
  return std::make_unique<LaunchedKernel>(std::vector{std::move(first), std::move(second)},
                                          static_cast<size_t>(bytes));
}

/// Runs shorter than what memory gives at once waste the rest, though what is left of it in the
/// cache serves other groups.
double held_seconds(const Problem& problem) {
  const Reading r(problem);
  const double run_bytes = static_cast<double>(r.run) * bits(problem.inputs[0].type) / 8;
  const double filled = std::min(1.0, static_cast<double>(r.total) / problem.gpu.multiprocessors);
  return streaming_seconds(problem) * std::clamp(32 / run_bytes, 1.0, 4.0) / filled;
}
double pieces_seconds(const Problem& problem) {
  const Reading r(problem);
  const double run_bytes = static_cast<double>(r.run) * bits(problem.inputs[0].type) / 8;
  return 1.5 * streaming_seconds(problem) * std::clamp(32 / run_bytes, 1.0, 4.0);
}

DRAWBAR_CUDA_TACTIC(group_norm, "GroupNormalization", "group_norm", applies, pieces_seconds,
                    make_pieces);
DRAWBAR_CUDA_TACTIC(group_norm_held, "GroupNormalization", "group_norm_held", held_applies,
                    held_seconds, make_held);
DRAWBAR_CUDA_LAYOUT(GroupNormalization, any);

}  // namespace
}  // namespace drawbar::cuda
