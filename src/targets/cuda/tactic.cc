#include "targets/cuda/tactic.h"

#include <algorithm>
#include <charconv>

#include "targets/tactic_registry.h"

namespace drawbar::cuda {
namespace {

using Registry = TacticRegistry<Tactic>;

void* resolve(const Argument& argument, const KernelRun& run) {
  switch (argument.source) {
    case Argument::Source::input:
      return run.inputs[argument.index];
    case Argument::Source::output:
      return run.outputs[argument.index];
    case Argument::Source::packed:
      return run.packed[argument.index];
    case Argument::Source::scratch:
      break;
  }
  return static_cast<std::byte*>(run.scratch) + argument.index;
}

std::vector<const Tactic*> those_that_take(const Problem& problem, bool plan_long) {
  std::vector<const Tactic*> result;
  for (const Tactic& tactic : tactics_for(problem.op.name())) {
    if (tactic.plans_long != plan_long) continue;
    if (tactic.needs_device && problem.gpu.architecture == "host") continue;
    if (tactic.applies(problem)) result.push_back(&tactic);
  }
  return result;
}

}  // namespace

void LaunchedKernel::enqueue(const KernelRun& run) const {
  std::vector<void*> values;
  std::vector<const void*> pointers;
  for (size_t i = 0; i < launches_.size(); ++i) {
    const Launch& launch = launches_[i];
    values.clear();
    pointers.clear();
    for (const Argument& argument : launch.arguments) values.push_back(resolve(argument, run));
    for (void*& value : values) pointers.push_back(&value);
    if (!launch.parameters.empty()) pointers.push_back(launch.parameters.data());
    run.stream.launch(run.functions[i], launch.grid, launch.block, pointers, launch.synchronises);
  }
}

std::unique_ptr<Kernel> make_kernel(Launch launch) {
  std::vector<Launch> launches;
  launches.push_back(std::move(launch));
  return std::make_unique<LaunchedKernel>(std::move(launches));
}

void register_tactic(const Tactic& tactic) { Registry::instance().add(tactic); }
void register_layout_rule(std::string_view op, LayoutRule rule) {
  Registry::instance().set_rule(op, rule);
}

std::span<const Tactic> tactics_for(std::string_view op) {
  return Registry::instance().tactics_for(op);
}

LayoutRule layout_rule(std::string_view op) { return Registry::instance().rule(op); }

std::vector<const Tactic*> candidates(const Problem& problem) {
  std::vector<const Tactic*> result = those_that_take(problem, false);
  const std::vector<const Tactic*> more = those_that_take(problem, true);
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

std::vector<const Tactic*> quick_candidates(const Problem& problem) {
  std::vector<const Tactic*> result = those_that_take(problem, false);
  return result.empty() ? those_that_take(problem, true) : result;
}

bool some_tactic_takes(const Op& op, std::span<const Operand> inputs,
                       std::span<const Operand> outputs, const GpuInfo& gpu) {
  PackedConstants packed;
  return !quick_candidates({op, inputs, outputs, gpu, packed}).empty();
}

Argument input(const Problem& problem, size_t index) {
  return {Argument::Source::input, index, problem.inputs[index].type};
}
Argument output(const Problem& problem, size_t index) {
  return {Argument::Source::output, index, problem.outputs[index].type};
}
Argument packed(size_t index, ElementType type) { return {Argument::Source::packed, index, type}; }
Argument scratch(size_t offset, ElementType type) {
  return {Argument::Source::scratch, offset, type};
}

Extent blocks_for(int64_t items, int64_t threads) { return {(items + threads - 1) / threads}; }

bool have_code_names(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (!operand.present || !has_code_name(operand.type)) return false;
    }
  }
  return true;
}

bool has_matrix_units(const GpuInfo& gpu) {
  const std::string_view architecture = gpu.architecture;
  if (architecture == "host") return true;
  int number = 0;
  const auto* end = architecture.data() + architecture.size();
  return architecture.starts_with("sm_") &&
         std::from_chars(architecture.data() + 3, end, number).ec == std::errc() && number >= 80;
}

bool takes_tf32(const Problem& problem) {
  return problem.tf32 && !problem.strict && has_matrix_units(problem.gpu);
}

bool is_real(ElementType type) {
  return is_half(type) || type == ElementType::f32 || type == ElementType::f64;
}

double streaming_seconds(const Problem& problem, double operations) {
  double bytes = 0;
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present)
        bytes += static_cast<double>(storage_bytes(operand.type, operand.size()));
    }
  }
  return problem.gpu.launch_seconds +
         std::max(bytes / problem.gpu.bandwidth, operations / problem.gpu.f32_operations);
}

}  // namespace drawbar::cuda
