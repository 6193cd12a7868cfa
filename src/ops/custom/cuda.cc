#include "ops/custom/host.h"
#include "ops/custom/plugins.h"
#include "targets/cuda/code_image.h"
#include "targets/cuda/tactic.h"

// Kernels of plug-ins: sources are compiled with the plan's code, images are loaded as they are.

namespace drawbar::cuda {
namespace {

using ops::Custom;
using ops::PluginInput;
using ops::PluginLaunch;

/// A node's launches, each in the one form that is taken on the problem's GPU.
struct Launches {
  std::vector<PluginLaunch> each;
  bool has_images = false;
  std::string refusal;  // why one of them does not run there; empty: they all do
};

/// Nothing where the plug-in has no kernels for it.
std::optional<Launches> launches(const Problem& problem) {
  const Custom& op = *problem.op.as<Custom>();
  const drawbar_operator* plugin = ops::find_plugin_operator(op.op);
  if (!plugin) return std::nullopt;
  std::vector<PluginInput> inputs;
  for (const Operand& input : problem.inputs)
    inputs.push_back({input.type, input.shape, input.present});
  auto given = launches_of(*plugin, op, inputs, problem.outputs.size());
  if (!given) return std::nullopt;
  Launches result{std::move(*given)};
  for (PluginLaunch& launch : result.each) {
    if (launch.image.empty()) continue;
    CodeImage image;
    try {
      image = parse_code_image(launch.image);
    } catch (const Error& error) {
      throw error.at(fmt::format("{}: the image of {}", op.op, launch.symbol));
    }
    if (runs_on(image, problem.gpu.architecture)) {
      result.has_images = true;
    } else if (!launch.source.empty()) {
      launch.image = {};
    } else {
      result.refusal = fmt::format("{} of the plug-in is made for {}, this is {}", launch.symbol,
                                   architectures_of(image), problem.gpu.architecture);
    }
  }
  return result;
}

/// Whether pointers are all that a kernel needs to know.
bool takes_operands(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && (!has_code_name(operand.type) || operand.layout != Layout::row_major))
        return false;
    }
  }
  // A kernel writes all outputs.
  return std::all_of(problem.outputs.begin(), problem.outputs.end(),
                     [](const Operand& output) { return output.present; });
}

template <bool has_images>
bool applies(const Problem& problem) {
  if (!takes_operands(problem)) return false;
  const auto given = launches(problem);
  return given && given->refusal.empty() && given->has_images == has_images;
}

std::optional<std::string> refusal(const Problem& problem) {
  if (!takes_operands(problem)) return std::nullopt;
  const auto given = launches(problem);
  if (!given || given->refusal.empty()) return std::nullopt;
  return given->refusal;
}

double seconds(const Problem& problem) { return streaming_seconds(problem); }

std::unique_ptr<Kernel> make(const Problem& problem) {
  std::vector<Argument> arguments;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    if (problem.inputs[i].present) arguments.push_back(input(problem, i));
  }
  for (size_t i = 0; i < problem.outputs.size(); ++i) arguments.push_back(output(problem, i));
  const auto wanted = launches(problem);
  std::vector<Launch> result;
  for (const PluginLaunch& given : wanted->each) {
    Launch launch;
    if (given.image.empty()) {
      launch.preface = {given.source};
      launch.call = given.function;
    } else {
      launch.image = given.image;
      launch.call = given.symbol;
      launch.parameters = given.parameters;
    }
    launch.grid = {given.grid[0], given.grid[1], given.grid[2]};
    launch.block = {given.block[0], given.block[1], given.block[2]};
    launch.synchronises = given.synchronises;
    launch.arguments = arguments;
    result.push_back(std::move(launch));
  }
  return std::make_unique<LaunchedKernel>(std::move(result));
}

DRAWBAR_CUDA_TACTIC(source, .op = "Custom", .name = "plugin", .applies = applies<false>,
                    .seconds = seconds, .make = make, .refusal = refusal);
DRAWBAR_CUDA_TACTIC(image, .op = "Custom", .name = "plugin_image", .applies = applies<true>,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda
