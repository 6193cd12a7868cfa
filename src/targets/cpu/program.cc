#include "targets/cpu/program.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/evaluate_graph.h"
#include "targets/cpu/device.h"
#include "targets/cpu/fuse_behind_conv.h"
#include "targets/cpu/layout.h"
#include "targets/cpu/plan.h"
#include "targets/cpu/split_batch.h"
#include "targets/cpu/widen_half.h"
#include "targets/specialize.h"
#include "targets/step_report.h"
#include "targets/tactic_table.h"

namespace drawbar::cpu {

namespace {
constexpr const char *strict_flag = "strict", *smallest_flag = "smallest";

/// The tile unit's sums are as exact as others, but not plain.
Isa sums_isa(bool strict) { return strict ? std::min(isa(), Isa::avx512) : isa(); }
}  // namespace

CpuProgram::CpuProgram(GraphPtr graph, std::map<std::string, std::string> tactics, bool strict,
                       bool smallest)
    : graph_(std::move(graph)),
      strict_(strict),
      smallest_(smallest),
      lowered_(std::make_shared<const Graph>(widen_half(*graph_, sums_isa(strict)))),
      chooser_(std::make_shared<TacticChooser>(std::move(tactics))) {}

Graph CpuProgram::laid_out(const Bindings& bindings) const {
  return fuse_behind_conv(assign_layouts(specialize_for(*lowered_, bindings), sums_isa(strict_)),
                          sums_isa(strict_));
}

std::shared_ptr<Plan> CpuProgram::plan(const Bindings& bindings, int threads,
                                       ThreadPool* timing_pool) {
  PlanContext context{packed_, chooser_, values_, threads, sums_isa(strict_), strict_, timing_pool};
  Graph graph = laid_out(bindings);
  if (const auto batch = batch_of(*graph_, bindings)) {
    const auto part = [&](int64_t rows) {
      Bindings fewer = bindings;
      fewer.insert_or_assign(batch->symbol, rows);
      return laid_out(fewer);
    };
    graph = split_batch(std::move(graph), batch->size, part, context);
  }
  return std::make_shared<Plan>(std::move(graph), context);
}

std::shared_ptr<Executor> CpuProgram::instantiate(std::span<const Tensor> inputs, int threads) {
  return plan(bind_inputs(*graph_, inputs), threads, nullptr);
}

void CpuProgram::tune(const CompileOptions& options) {
  size_t done = 0;
  const size_t total = options.profiles.size() * options.threads.size();
  for (int threads : options.threads) {
    ThreadPool pool(threads);
    for (const InputShapes& shapes : options.profiles) {
      const Bindings bindings = bindings_of(*graph_, shapes);
      if (options.progress) options.progress("compiling for the CPU", done++, total);
      const auto planned = plan(bindings, threads, options.time_tactics ? &pool : nullptr);
      if (options.time_tactics) planned->rehearse(pool);
      reports_.push_back(planned->report());
    }
  }
  if (options.progress) options.progress("compiling for the CPU", total, total);
}

ProgramImage CpuProgram::save() const {
  ProgramImage image;
  TacticTable table;
  if (strict_) table.flags.emplace(strict_flag);
  if (smallest_) table.flags.emplace(smallest_flag);
  table.choices = chooser_->choices();
  image.text = table.text();
  if (!smallest_) image.sections = packed_->saved();
  return image;
}

void CpuProgram::restore(ProgramImage image) {
  chooser_->keep_known();
  for (auto& [key, section] : image.sections) packed_->add(key, std::move(section));
}

namespace {

class CpuTarget final : public Target {
 public:
  std::string name() const override { return "cpu"; }

  std::optional<std::string> refuses(const Graph& graph, NodeId id) const override {
    const Op& op = graph.node(id).op;
    if (op.has_reference() || !tactics_for(op.name()).empty()) return std::nullopt;
    return fmt::format("{} has neither a kernel nor a reference", op.name());
  }

  double estimate(const Graph& graph, int threads) const override {
    double seconds = 0;
    PackedConstants packed;
    for (NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      bool known = true;
      for (ValueId v : node.inputs) known &= v == no_id || is_placed(graph.value(v).type);
      for (ValueId v : node.outputs) known &= is_placed(graph.value(v).type);
      if (!known) continue;
      const std::vector<Operand> inputs = operands(graph, node.inputs),
                                 outputs = operands(graph, node.outputs);
      const Problem problem{node.op, inputs, outputs, threads, isa(), packed};
      double best = std::numeric_limits<double>::infinity();
      for (const Tactic& tactic : tactics_for(node.op.name())) {
        if (tactic.applies(problem)) best = std::min(best, tactic.seconds(problem));
      }
      if (std::isinf(best)) {  // the reference's pace
        double elements = 0;
        for (const Operand& o : outputs) elements += static_cast<double>(o.size());
        const auto operations = static_cast<double>(describe_step(graph, node).operations);
        best = std::max(elements * 1e-8, operations * 1e-9);
      }
      seconds += best;
    }
    return seconds;
  }

  std::shared_ptr<Program> compile(GraphPtr graph, const CompileOptions& options) const override {
    auto program = std::make_shared<CpuProgram>(std::move(graph), options.timing_cache,
                                                options.strict, options.smallest);
    if (const auto* other = dynamic_cast<const CpuProgram*>(options.shares))
      program->share_constants(*other);
    program->tune(options);
    return program;
  }

  std::shared_ptr<Program> load(GraphPtr graph, ProgramImage image) const override {
    TacticTable table = TacticTable::parse(image.text);
    auto program = std::make_shared<CpuProgram>(std::move(graph), std::move(table.choices),
                                                table.flags.count(strict_flag) > 0,
                                                table.flags.count(smallest_flag) > 0);
    program->restore(std::move(image));
    return program;
  }

  const Device& device() const override { return device_; }

 private:
  CpuDevice device_;
};

[[maybe_unused]] const bool registered = (register_target(std::make_unique<CpuTarget>()), true);

}  // namespace
}  // namespace drawbar::cpu
