#include "targets/partitioned_program.h"

#include <mutex>

#include "ir/evaluate_graph.h"
#include "targets/partition_padded.h"
#include "targets/partitioned_executor.h"
#include "targets/specialize.h"
#include "targets/tactic_table.h"

namespace drawbar {
namespace {

constexpr const char *everywhere_flag = "wherever_it_can", *strict_flag = "strict";

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
    return std::make_shared<PartitionedExecutor>(target_, std::move(graph), std::move(parts),
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
