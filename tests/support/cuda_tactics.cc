#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "targets/cuda/driver/nvrtc.h"
#include "targets/cuda/loaded_code.h"
#include "targets/cuda/tactic.h"
#include "targets/step_report.h"
#include "tests/support/one_node.h"
#include "tests/support/operands.h"

// Every GPU tactic of every case, in every layout, on the emulation and on the GPU that is here:
// all code of a table of cases is compiled at once. Where TF32 makes another kernel, that one too.

namespace drawbar {
namespace {

using namespace cuda;

/// One tactic for one case, with the operands that its problem refers to.
struct Trial {
  const CheckedCase& checked;
  Operands operands;
  std::string what;
  PackedConstants packed;
  std::unique_ptr<Problem> problem;
  std::unique_ptr<Kernel> kernel;

  Trial(const CheckedCase& checked_case, Operands given, std::string_view layout, const Gpu& gpu,
        bool tf32)
      : checked(checked_case), operands(std::move(given)), what(layout) {
    problem = std::make_unique<Problem>(Problem{.op = checked.op_case.op,
                                                .inputs = operands.inputs,
                                                .outputs = operands.outputs,
                                                .gpu = gpu.info(),
                                                .packed = packed,
                                                .tf32 = tf32});
  }
  void make(const Tactic& tactic, const Gpu& gpu) {
    what = fmt::format("{}: {}{} ({}), {}", checked.op_case.name, tactic.name,
                       problem->tf32 ? " in TF32" : "", gpu.info().name, what);
    EXPECT_GE(tactic.seconds(*problem), 0) << what;
    kernel = tactic.make(*problem);
  }
};

/// Whether device code rounds to TF32; what libraries do is not seen.
bool rounds(const Kernel& kernel) {
  const std::span<const Launch> launches = kernel.launches();
  return std::any_of(launches.begin(), launches.end(), [](const Launch& launch) {
    return launch.call.find("tf32") != std::string::npos;
  });
}

/// What TF32 adds to a result's error. A product of factors below m is off by 2^-10 · m² at most,
/// each factor by 2^-11 of itself; of n of them, which are off either way, by twice the root of n
/// times as much.
double tf32_atol(const CheckedCase& checked) {
  const Graph& graph = checked.one.graph;
  const auto products =
      static_cast<double>(describe_step(graph, graph.node(checked.one.node)).operations) / 2;
  const auto results = static_cast<double>(checked.one.outputs[0].size());
  const double m = std::max(std::abs(checked.op_case.low), std::abs(checked.op_case.high));
  return 0x1p-9 * std::sqrt(products / results) * m * m;
}

bool is_empty(const Operands& operands) {
  for (const auto* side : {&operands.inputs, &operands.outputs}) {
    for (const Operand& operand : *side) {
      if (operand.present && operand.size() == 0) return true;
    }
  }
  return false;
}

void add_trials(const CheckedCase& checked, const Operands& operands, std::string_view layout,
                const Gpu& gpu, std::vector<std::unique_ptr<Trial>>& trials) {
  if (is_empty(operands)) return;  // plans launch nothing for those
  for (const bool tf32 : {false, true}) {
    const Trial probe(checked, operands, layout, gpu, tf32);
    for (const Tactic* tactic : candidates(*probe.problem)) {
      auto trial = std::make_unique<Trial>(checked, operands, layout, gpu, tf32);
      trial->make(*tactic, gpu);
      if (!tf32) {
        EXPECT_FALSE(rounds(*trial->kernel)) << trial->what;
      } else if (!rounds(*trial->kernel) &&
                 !(tactic->needs_device && operands.inputs[0].type == ElementType::f32)) {
        continue;  // the same as without
      }
      trials.push_back(std::move(trial));
    }
  }
}

std::vector<std::unique_ptr<Trial>> trials_of(std::span<const CheckedCase> cases, const Gpu& gpu) {
  std::vector<std::unique_ptr<Trial>> trials;
  for (const CheckedCase& checked : cases) {
    const std::string_view op = checked.op_case.op.name();
    if (tactics_for(op).empty() || checked.one.outputs.empty()) continue;
    const auto operands = row_major_operands(checked.one);
    if (!operands) continue;
    add_trials(checked, *operands, "row-major", gpu, trials);
    auto last = channels_last_operands(*operands, layout_rule(op));
    if (!last) continue;
    add_trials(checked, *last, "channels-last", gpu, trials);
    if (layout_rule(op) != LayoutRule::channels_last) continue;
    last->inputs[0].layout = Layout::row_major;
    add_trials(checked, *last, "first input row-major", gpu, trials);
  }
  return trials;
}

/// Memory of a device with the bytes that it is to hold, not-a-number where there are none.
void* place(Gpu& gpu, Stream& stream, std::vector<std::shared_ptr<void>>& memory, size_t bytes,
            const void* contents) {
  memory.push_back(gpu.allocate(bytes));
  void* result = memory.back().get();
  if (contents) {
    stream.copy_to_device(result, contents, bytes);
  } else {
    stream.fill(result, 0xff, bytes);
  }
  stream.synchronize();
  return result;
}

void run(const Trial& trial, Gpu& gpu, const LoadedCode& code) {
  const Problem& problem = *trial.problem;
  const std::shared_ptr<Stream> stream = gpu.make_stream();
  std::vector<std::shared_ptr<void>> memory;
  const auto place_bytes = [&](size_t bytes, const void* contents) {
    return place(gpu, *stream, memory, bytes, contents);
  };
  const auto bytes_of = [](const Operand& operand) {
    return static_cast<size_t>(storage_bytes(operand.type, operand.size()));
  };
  std::vector<void*> inputs, outputs, packed;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) {
      inputs.push_back(nullptr);
      continue;
    }
    std::vector<std::byte> ordered(bytes_of(operand));
    copy_in(operand, trial.checked.one.operands[i], ordered.data());
    inputs.push_back(place_bytes(ordered.size(), ordered.data()));
  }
  for (const Operand& operand : problem.outputs)
    outputs.push_back(place_bytes(bytes_of(operand), nullptr));
  for (const PackedBuffer& buffer : trial.kernel->packed())
    packed.push_back(place_bytes(buffer.bytes, buffer.data.get()));
  void* scratch = place_bytes(trial.kernel->scratch_bytes(), nullptr);
  std::vector<const void*> functions;
  for (const Launch& launch : trial.kernel->launches()) functions.push_back(code.function(launch));
  trial.kernel->enqueue({*stream, inputs, outputs, packed, functions, scratch});
  stream->synchronize();
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::vector<std::byte> results(bytes_of(problem.outputs[i]));
    stream->copy_to_host(results.data(), outputs[i], results.size());
    stream->synchronize();
    expect_close(copy_out(problem.outputs[i], results.data()), trial.checked.one.outputs[i],
                 trial.checked.rtol,
                 trial.checked.atol + (problem.tf32 ? tf32_atol(trial.checked) : 0),
                 fmt::format("{}: output {}", trial.what, i));
  }
}

void expect_agrees_on(Gpu& gpu, std::span<const CheckedCase> cases) {
  const auto trials = trials_of(cases, gpu);
  if (trials.empty()) return;
  std::vector<const Launch*> launches;
  for (const auto& trial : trials) {
    for (const Launch& launch : trial->kernel->launches()) launches.push_back(&launch);
  }
  try {
    CodeCache cache;
    const LoadedCode code(launches, cache, gpu.info().architecture, &gpu);
    for (const auto& trial : trials) run(*trial, gpu, code);
    // Without a GPU's own disorder: what depends on the order of threads shows in the reverse one.
    if (gpu.info().architecture == "host") {
      emulate_in_reverse(true);
      for (const auto& trial : trials) run(*trial, gpu, code);
      emulate_in_reverse(false);
    }
    // Without a GPU it is code for one at least: PTX, or what is asked for ("sm_90").
    const char* architecture = std::getenv("DRAWBAR_TEST_ARCHITECTURE");
    if (gpu.info().architecture == "host" && !this_gpu().gpu)
      LoadedCode(launches, cache, architecture ? architecture : "compute_90", nullptr);
  } catch (const Error& error) {
    ADD_FAILURE() << cases[0].op_case.op.name() << " on " << gpu.info().name << ": "
                  << error.what();
  }
}

void expect_cuda_agrees(std::span<const CheckedCase> cases) {
  const std::shared_ptr<Gpu> emulated = emulated_gpu(), real = this_gpu().gpu;
  expect_agrees_on(*emulated, cases);
  if (real && real != emulated) expect_agrees_on(*real, cases);
}

[[maybe_unused]] const bool registered =
    (refuse_device_warnings(true), register_target_check(expect_cuda_agrees));

}  // namespace
}  // namespace drawbar
