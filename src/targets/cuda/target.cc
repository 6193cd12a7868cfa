#include <limits>

#include "ops/reshape/op.h"
#include "targets/cuda/architecture.h"
#include "targets/cuda/device.h"
#include "targets/cuda/program.h"
#include "targets/tactic_table.h"
#include "targets/target_library.h"

namespace drawbar::cuda {
namespace {

/// A run's fixed cost: the replay of a recording and the wait for it.
constexpr double run_seconds = 1e-5;
/// A copy's, besides its bytes at the host's bandwidth: assumed, not measured.
constexpr double copy_seconds = 4e-6;

/// The GPU's figures, or those of a typical one where there is none.
const GpuInfo& info() {
  static const GpuInfo typical = typical_gpu("sm_90");
  return this_gpu().gpu ? this_gpu().gpu->info() : typical;
}

class CudaTarget final : public Target {
 public:
  std::string name() const override { return "cuda"; }

  std::optional<std::string> refuses(const Graph& graph, NodeId id) const override {
    const Node& node = graph.node(id);
    if (!node.subgraphs.empty()) return "it has a body of its own";
    for (const auto* values : {&node.inputs, &node.outputs}) {
      for (ValueId value : *values) {
        if (value == no_id) continue;
        const Type& type = graph.value(value).type;
        if (!type.is_tensor()) return fmt::format("{} is no tensor", graph.value(value).name);
        if (!type.is_static()) {
          return fmt::format("the size of {} is known only while running", graph.value(value).name);
        }
        if (!has_code_name(type.tensor.element))
          return fmt::format("there are no kernels for {}", drawbar::name(type.tensor.element));
        if (type.tensor.size() == Dim(0))
          return fmt::format("{} is empty", graph.value(value).name);
      }
    }
    if (ops::is_view(node.op)) return std::nullopt;
    if (tactics_for(node.op.name()).empty()) return "there is no kernel for this operator";
    const std::vector<Operand> inputs = operands(graph, node.inputs),
                               outputs = operands(graph, node.outputs);
    if (some_tactic_takes(node.op, inputs, outputs, info())) return std::nullopt;
    PackedConstants packed;
    const Problem problem{node.op, inputs, outputs, info(), packed};
    for (const Tactic& tactic : tactics_for(node.op.name())) {
      const auto reason = tactic.refusal ? tactic.refusal(problem) : std::nullopt;
      if (reason) return reason;
    }
    return "no kernel takes these types and attributes";
  }

  double estimate(const Graph& graph, int) const override {
    double seconds = run_seconds;
    for (const auto* values : {&graph.inputs(), &graph.outputs()}) {
      for (ValueId value : *values) {
        const TensorType& type = graph.value(value).type.tensor;
        if (graph.value(value).type.is_static()) {
          seconds +=
              copy_seconds + static_cast<double>(storage_bytes(type.element, type.size().value())) /
                                 info().host_bandwidth;
        }
      }
    }
    PackedConstants packed;
    for (NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      if (ops::is_view(node.op) || refuses(graph, id)) continue;
      const std::vector<Operand> inputs = operands(graph, node.inputs),
                                 outputs = operands(graph, node.outputs);
      const Problem problem{node.op, inputs, outputs, info(), packed};
      double least = std::numeric_limits<double>::infinity();
      for (const Tactic* tactic : quick_candidates(problem))
        least = std::min(least, tactic->seconds(problem));
      seconds += least;
    }
    return seconds;
  }

  std::shared_ptr<Program> compile(GraphPtr graph, const CompileOptions& options) const override {
    auto program = std::make_shared<CudaProgram>(std::move(graph), options.timing_cache,
                                                 options.strict, options.half, options.tf32);
    if (const auto* other = dynamic_cast<const CudaProgram*>(options.shares))
      program->share(*other);
    program->tune(options);
    return program;
  }

  std::shared_ptr<Program> load(GraphPtr graph, ProgramImage image) const override {
    TacticTable table = TacticTable::parse(image.text);
    auto program = std::make_shared<CudaProgram>(std::move(graph), std::move(table.choices),
                                                 table.flags.count("strict") > 0, table.half(),
                                                 table.flags.count(tf32_flag) > 0);
    program->restore(image);
    return program;
  }

  const Device& device() const override { return device_; }

 private:
  CudaDevice device_;
};

}  // namespace

std::unique_ptr<Target> make_cuda_target() { return std::make_unique<CudaTarget>(); }

}  // namespace drawbar::cuda

DRAWBAR_TARGET_LIBRARY(drawbar::cuda::make_cuda_target())
