#include "ops/custom/host.h"
#include "ops/custom/plugins.h"
#include "targets/cuda/tactic.h"

// Kernels of plug-ins: their code is compiled with that of the plan.

namespace drawbar::cuda {
namespace {

using ops::Custom;
using ops::PluginInput;
using ops::PluginLaunch;

std::optional<std::vector<PluginLaunch>> launches(const Problem& problem) {
  const Custom& op = *problem.op.as<Custom>();
  const drawbar_operator* plugin = ops::find_plugin_operator(op.op);
  if (!plugin) return std::nullopt;
  std::vector<PluginInput> inputs;
  for (const Operand& input : problem.inputs)
    inputs.push_back({input.type, input.shape, input.present});
  return launches_of(*plugin, op, inputs, problem.outputs.size());
}

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && (!has_code_name(operand.type) || operand.layout != Layout::row_major))
        return false;
    }
  }
  for (const Operand& output : problem.outputs) {
    if (!output.present) return false;  // a kernel writes all of them
  }
  return launches(problem).has_value();
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
  for (const PluginLaunch& given : *wanted) {
    Launch launch;
    launch.preface = {given.source};
    launch.call = given.function;
    launch.grid = {given.grid[0], given.grid[1], given.grid[2]};
    launch.block = {given.block[0], given.block[1], given.block[2]};
    launch.synchronises = given.synchronises;
    launch.arguments = arguments;
    result.push_back(std::move(launch));
  }
  return std::make_unique<LaunchedKernel>(std::move(result));
}

DRAWBAR_CUDA_TACTIC(custom, "Custom", "plugin", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cuda
