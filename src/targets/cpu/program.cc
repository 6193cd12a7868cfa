#include "targets/cpu/program.h"

#include "ir/evaluate_graph.h"
#include "targets/cpu/device.h"
#include "targets/cpu/fuse_behind_conv.h"
#include "targets/cpu/layout.h"
#include "targets/cpu/plan.h"
#include "targets/cpu/split_batch.h"
#include "targets/cpu/widen_half.h"
#include "targets/specialize.h"

namespace drawbar::cpu {

namespace {
constexpr std::string_view strict_line = "strict", smallest_line = "smallest";

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
      Bindings bindings;
      for (size_t i = 0; i < shapes.size() && i < graph_->inputs().size(); ++i) {
        const Type& type = graph_->value(graph_->inputs()[i]).type;
        if (!type.is_tensor() || !type.tensor.ranked) continue;
        for (size_t axis = 0; axis < shapes[i].size() && axis < type.tensor.dims.size(); ++axis) {
          if (const auto symbol = type.tensor.dims[axis].symbol_name())
            bindings.insert_or_assign(*symbol, shapes[i][axis]);
        }
      }
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
  if (strict_) image.text += fmt::format("{}\n", strict_line);
  if (smallest_) image.text += fmt::format("{}\n", smallest_line);
  for (const auto& [problem, tactic] : chooser_->choices())
    image.text += tactic + " " + problem + "\n";
  if (!smallest_) image.sections = packed_->saved();
  return image;
}

void CpuProgram::restore(ProgramImage image) {
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
      double best = 0;
      for (const Operand& o : outputs)
        best += static_cast<double>(o.size()) * 1e-8;  // the reference's pace
      for (const Tactic& tactic : tactics_for(node.op.name())) {
        if (tactic.applies(problem)) best = std::min(best, tactic.seconds(problem));
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
    std::map<std::string, std::string> tactics;
    bool strict = false, smallest = false;
    for (size_t at = 0; at < image.text.size();) {
      const size_t end = std::min(image.text.find('\n', at), image.text.size());
      const size_t space = image.text.find(' ', at);
      const std::string_view line = std::string_view(image.text).substr(at, end - at);
      strict |= line == strict_line;
      smallest |= line == smallest_line;
      if (space != std::string::npos && space < end) {
        tactics.insert_or_assign(image.text.substr(space + 1, end - space - 1),
                                 image.text.substr(at, space - at));
      }
      at = end + 1;
    }
    auto program =
        std::make_shared<CpuProgram>(std::move(graph), std::move(tactics), strict, smallest);
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
