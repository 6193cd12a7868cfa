#include "targets/partitioned_program.h"

#include <list>
#include <mutex>

#include "ir/evaluate_graph.h"
#include "targets/partition_padded.h"
#include "targets/specialize.h"
#include "targets/step_report.h"
#include "targets/tactic_table.h"

namespace drawbar {
namespace {

constexpr const char *everywhere_flag = "wherever_it_can", *strict_flag = "strict";

/// A piece's executors, by the shapes of its inputs: those that depend on data vary from run to
/// run.
class PieceRunner {
 public:
  PieceRunner(const Piece& piece, std::shared_ptr<Program> program)
      : target_(piece.target->name()),
        program_(std::move(program)),
        compiled_(program_->inspect()) {}

  std::shared_ptr<Executor> executor(std::span<const Tensor> inputs, int threads) {
    const std::lock_guard lock(mutex_);
    std::vector<Shape> shapes;
    bool plain = true;
    for (const Tensor& input : inputs) {
      plain &= input.has_value() && input.kind() == Tensor::Kind::tensor;
      shapes.push_back(input.shape());
    }
    for (auto it = known_.begin(); plain && it != known_.end(); ++it) {
      if (it->first != shapes) continue;
      known_.splice(known_.begin(), known_, it);
      return known_.front().second;
    }
    auto executor = program_->instantiate(inputs, threads);
    if (plain) known_.emplace_front(std::move(shapes), executor);
    if (known_.size() > most_kept) known_.pop_back();
    return executor;
  }
  const std::string& target() const { return target_; }
  /// What its compilation planned, where it was compiled for its shapes.
  const PlanReport* compiled() const { return compiled_.empty() ? nullptr : &compiled_.front(); }

 private:
  static constexpr size_t most_kept = 16;
  std::string target_;
  std::shared_ptr<Program> program_;
  std::vector<PlanReport> compiled_;
  std::mutex mutex_;
  std::list<std::pair<std::vector<Shape>, std::shared_ptr<Executor>>> known_;
};

/// Runs pieces one after the other; what passes between them lies on the host.
class PartitionedExecutor final : public Executor {
 public:
  PartitionedExecutor(Graph graph, Partition partition,
                      std::vector<std::unique_ptr<PieceRunner>> runners, int threads)
      : graph_(std::move(graph)),
        partition_(std::move(partition)),
        runners_(std::move(runners)),
        threads_(threads) {}

  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
           ThreadPool& pool) override {
    run_pieces(inputs, outputs,
               [&](size_t i, std::span<const Tensor> given, std::span<Tensor> results) {
                 runners_[i]->executor(given, threads_)->run(given, results, control, pool);
               });
  }

  PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override {
    std::vector<Tensor> outputs(graph_.outputs().size());
    PlanReport total = opening();
    double start = 0;
    run_pieces(inputs, outputs,
               [&](size_t i, std::span<const Tensor> given, std::span<Tensor> results) {
                 const auto executor = runners_[i]->executor(given, threads_);
                 executor->run(given, results, {}, pool);
                 PlanReport part = executor->profile(given, pool);
                 double end = start;
                 for (StepReport& step : part.steps) {
                   step.start += start;
                   end = std::max(end, step.start + step.seconds);
                 }
                 start = end;
                 add(total, std::move(part), i);
               });
    return total;
  }

  std::optional<double> device_seconds(int runs) override {
    if (partition_.pieces.size() != 1) return std::nullopt;
    return runners_[0]->executor(made_up_inputs(0), threads_)->device_seconds(runs);
  }

  PlanReport report() const override {
    PlanReport total = opening();
    for (size_t i = 0; i < runners_.size(); ++i) {
      if (const PlanReport* compiled = runners_[i]->compiled()) {
        add(total, *compiled, i);
        continue;
      }
      const std::vector<Tensor> inputs = made_up_inputs(i);
      if (inputs.size() != partition_.pieces[i].inputs.size()) continue;  // only while running
      add(total, runners_[i]->executor(inputs, threads_)->report(), i);
    }
    return total;
  }

 private:
  /// Inputs of a piece's shapes, as far as these are known.
  std::vector<Tensor> made_up_inputs(size_t i) const {
    const Graph& piece = partition_.pieces[i].graph;
    std::vector<Tensor> inputs;
    for (ValueId id : piece.inputs()) {
      const Type& type = piece.value(id).type;
      if (!type.is_static()) break;
      inputs.push_back(Tensor::allocate(type.tensor.element, type.tensor.shape()));
    }
    return inputs;
  }

  template <class Run>
  void run_pieces(std::span<const Tensor> inputs, std::span<Tensor> outputs, const Run& run) {
    std::vector<Tensor> values(graph_.value_count());
    for (size_t i = 0; i < inputs.size(); ++i) values[graph_.inputs()[i]] = inputs[i];
    std::vector<int> readers(graph_.value_count(), 0);
    for (const Piece& piece : partition_.pieces) {
      for (ValueId id : piece.inputs) ++readers[id];
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = graph_.outputs()[i];
      ++readers[id];
      // The caller's memory, where a piece can write to it.
      if (graph_.value(id).producer != no_id && outputs[i].has_value()) values[id] = outputs[i];
    }
    for (size_t i = 0; i < partition_.pieces.size(); ++i) {
      const Piece& piece = partition_.pieces[i];
      std::vector<Tensor> given, results;
      for (ValueId id : piece.inputs) given.push_back(values[id]);
      for (ValueId id : piece.outputs) results.push_back(values[id]);
      run(i, given, results);
      for (size_t k = 0; k < results.size(); ++k) values[piece.outputs[k]] = std::move(results[k]);
      for (ValueId id : piece.inputs) {
        if (--readers[id] == 0) values[id] = Tensor();
      }
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = graph_.outputs()[i];
      const Value& value = graph_.value(id);
      if (value.is_constant()) values[id] = value.constant->tensor();
      outputs[i] = value.producer == no_id ? values[id].clone() : values[id];
    }
  }

  PlanReport opening() const {
    PlanReport report;
    report.shapes = describe_inputs(graph_);
    report.threads = threads_;
    report.left_behind = partition_.left;
    return report;
  }

  void add(PlanReport& total, PlanReport part, size_t i) const {
    total.arena_bytes += part.arena_bytes;
    total.packed_bytes = std::max(total.packed_bytes, part.packed_bytes);
    for (StepReport& step : part.steps) {
      step.target = runners_[i]->target();
      total.steps.push_back(std::move(step));
    }
  }

  Graph graph_;
  Partition partition_;
  std::vector<std::unique_ptr<PieceRunner>> runners_;
  int threads_;
};

class PartitionedProgram final : public Program {
 public:
  PartitionedProgram(const Target& target, GraphPtr graph, TacticTable table)
      : target_(target), graph_(std::move(graph)), table_(std::move(table)) {}

  const Graph& graph() const override { return *graph_; }
  std::vector<PlanReport> inspect() const override { return reports_; }

  /// What pieces of a target have in common: packed weights, code. They are compiled with it and
  /// leave there what they make.
  void set_common(const Target& target, std::shared_ptr<Program> program) {
    common_[target.name()] = std::move(program);
  }

  void tune(const CompileOptions& options) override {
    if (!options.profiles.empty()) {
      // Whether the target can compile at all, also where no piece will go to it.
      CompileOptions nothing = options;
      nothing.profiles = {InputShapes()};
      common_.at(target_.name())->tune(nothing);
    }
    for (const InputShapes& shapes : options.profiles) {
      for (int threads : options.threads) {
        CompileOptions timed = options;
        timed.threads = {threads};
        reports_.push_back(
            assemble(bindings_of(*graph_, shapes), threads, std::move(timed))->report());
      }
    }
  }

  std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) override {
    CompileOptions options;
    options.threads = {threads};
    options.time_tactics = false;
    return assemble(bind_inputs(*graph_, inputs), threads, std::move(options));
  }

  std::map<std::string, std::string> timings() const override {
    const std::lock_guard lock(mutex_);
    return table_.choices;
  }

  ProgramImage save() const override {
    const std::lock_guard lock(mutex_);
    ProgramImage image;
    image.text = table_.text();
    for (const auto& [name, program] : common_) {
      ProgramImage part = program->save();
      for (auto& [section, data] : part.sections)
        image.sections.emplace(name + "/" + section, std::move(data));
    }
    return image;
  }

 private:
  std::shared_ptr<PartitionedExecutor> assemble(const Bindings& bindings, int threads,
                                                CompileOptions options) {
    auto [graph, parts] =
        partition_padded(specialize_for(*graph_, bindings), target_, host_target(), threads,
                         !table_.flags.count(everywhere_flag));
    options.strict = table_.flags.count(strict_flag) > 0;
    options.half = table_.half();
    options.tf32 = table_.flags.count(tf32_flag) > 0;
    const std::lock_guard lock(mutex_);
    for (const auto& [problem, tactic] : table_.choices)
      options.timing_cache.emplace(problem, tactic);
    const bool compiles = !options.profiles.empty();
    std::vector<std::unique_ptr<PieceRunner>> runners;
    for (const Piece& piece : parts.pieces) {
      options.profiles.clear();
      InputShapes shapes;
      bool known = true;
      for (ValueId id : piece.graph.inputs()) {
        const Type& type = piece.graph.value(id).type;
        known &= type.is_static();
        shapes.push_back(type.is_static() ? type.tensor.shape() : Shape());
      }
      if (known && compiles) options.profiles.push_back(std::move(shapes));
      options.shares = common_.at(piece.target->name()).get();
      auto program = piece.target->compile(std::make_shared<const Graph>(piece.graph), options);
      for (auto& [problem, tactic] : program->timings())
        table_.choices.insert_or_assign(problem, tactic);
      runners.push_back(std::make_unique<PieceRunner>(piece, std::move(program)));
    }
    return std::make_shared<PartitionedExecutor>(std::move(graph), std::move(parts),
                                                 std::move(runners), threads);
  }

  const Target& target_;
  GraphPtr graph_;
  mutable std::mutex mutex_;
  TacticTable table_;
  std::map<std::string, std::shared_ptr<Program>> common_;  // by target
  std::vector<PlanReport> reports_;
};

std::shared_ptr<PartitionedProgram> make_program(const Target& target, GraphPtr graph,
                                                 TacticTable table,
                                                 std::map<std::string, Section> sections) {
  auto program = std::make_shared<PartitionedProgram>(target, std::move(graph), std::move(table));
  for (const Target* each : {&target, &host_target()}) {
    ProgramImage image;
    const std::string prefix = each->name() + "/";
    for (auto& [name, section] : sections) {
      if (name.starts_with(prefix))
        image.sections.emplace(name.substr(prefix.size()), std::move(section));
    }
    program->set_common(*each, each->load(std::make_shared<const Graph>(), std::move(image)));
  }
  return program;
}

}  // namespace

std::shared_ptr<Program> compile_for(const Target& target, GraphPtr graph,
                                     const CompileOptions& options) {
  if (&target == &host_target()) return target.compile(std::move(graph), options);
  TacticTable table;
  if (options.strict) table.flags.emplace(strict_flag);
  if (options.wherever_it_can) table.flags.emplace(everywhere_flag);
  if (options.half) table.flags.emplace(name(*options.half));
  if (options.tf32) table.flags.emplace(tf32_flag);
  auto program = make_program(target, std::move(graph), std::move(table), {});
  program->tune(options);
  return program;
}

std::shared_ptr<Program> load_for(const Target& target, GraphPtr graph, ProgramImage image) {
  if (&target == &host_target()) return target.load(std::move(graph), std::move(image));
  return make_program(target, std::move(graph), TacticTable::parse(image.text),
                      std::move(image.sections));
}

}  // namespace drawbar
