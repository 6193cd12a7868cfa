#include "targets/partitioned_executor.h"

#include <algorithm>

#include "targets/step_report.h"

namespace drawbar {

PieceRunner::PieceRunner(const Piece& piece, std::shared_ptr<Program> program)
    : target_(piece.target->name()), program_(std::move(program)), compiled_(program_->inspect()) {}

std::shared_ptr<Executor> PieceRunner::executor(std::span<const Tensor> inputs, int threads) {
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

PartitionedExecutor::PartitionedExecutor(const Target& target, Graph graph, Partition partition,
                                         std::vector<std::unique_ptr<PieceRunner>> runners,
                                         int threads)
    : target_(target),
      graph_(std::move(graph)),
      partition_(std::move(partition)),
      runners_(std::move(runners)),
      threads_(threads),
      places_(target.device().memories()) {
  if (places_.empty()) return;
  std::vector<char> is_read(graph_.value_count(), 0);
  for (const Piece& piece : partition_.pieces) {
    if (piece.target != &target_) continue;
    for (ValueId id : piece.inputs) is_read[id] = 1;
  }
  for (const Piece& piece : partition_.pieces) {
    if (piece.target != &target_) continue;
    for (ValueId id : piece.outputs) {
      if (is_read[id] && graph_.value(id).type.is_static()) stays_.push_back(id);
    }
  }
}

bool PartitionedExecutor::takes(const Place& place) const {
  return place.kind == Place::Kind::host ||
         std::find(places_.begin(), places_.end(), place) != places_.end();
}

void PartitionedExecutor::prepare(ThreadPool& pool) {
  for (size_t i = 0; i < runners_.size(); ++i) {
    const std::vector<Tensor> inputs = made_up_inputs(i);
    if (inputs.size() == partition_.pieces[i].inputs.size())
      runners_[i]->executor(inputs, threads_)->prepare(pool);
  }
}

void PartitionedExecutor::run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                              const RunControl& control, ThreadPool& pool) {
  run_pieces(inputs, outputs,
             [&](size_t i, std::span<const Tensor> given, std::span<Tensor> results) {
               runners_[i]->executor(given, threads_)->run(given, results, control, pool);
             });
}

PlanReport PartitionedExecutor::profile(std::span<const Tensor> inputs, ThreadPool& pool) {
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

std::optional<double> PartitionedExecutor::device_seconds(int runs) {
  if (partition_.pieces.size() != 1) return std::nullopt;
  return runners_[0]->executor(made_up_inputs(0), threads_)->device_seconds(runs);
}

PlanReport PartitionedExecutor::report() const {
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

std::vector<Tensor> PartitionedExecutor::made_up_inputs(size_t i) const {
  const Graph& piece = partition_.pieces[i].graph;
  std::vector<Tensor> inputs;
  for (ValueId id : piece.inputs()) {
    const Type& type = piece.value(id).type;
    if (!type.is_static()) break;
    inputs.push_back(Tensor::allocate(type.tensor.element, type.tensor.shape()));
  }
  return inputs;
}

Tensor PartitionedExecutor::on_host(const Tensor& tensor) const {
  if (tensor.is_on_host()) return tensor;
  Tensor copy = Tensor::allocate(tensor.type(), tensor.shape());
  target_.device().copy(tensor, copy);
  return copy;
}

std::unique_ptr<PartitionedExecutor::Border> PartitionedExecutor::take_border(
    std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  const Tensor* placed = nullptr;
  for (const auto& tensors : {inputs, outputs}) {
    for (const Tensor& tensor : tensors) {
      if (!tensor.is_on_host()) placed = &tensor;
    }
  }
  auto border = std::make_unique<Border>();
  {
    const std::lock_guard lock(borders_mutex_);
    const auto fits = [&](const auto& each) { return !placed || each->place == placed->place(); };
    const auto found = std::find_if(borders_.begin(), borders_.end(), fits);
    if (found != borders_.end()) {
      border = std::move(*found);
      borders_.erase(found);
      return border;
    }
    border->place = placed ? placed->place() : places_[borders_made_++ % places_.size()];
  }
  border->values.resize(graph_.value_count());
  for (ValueId id : stays_) {
    const TensorType& type = graph_.value(id).type.tensor;
    border->values[id] = target_.device().allocate(border->place, type.element, type.shape());
  }
  return border;
}

void PartitionedExecutor::run_pieces(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                                     const RunPiece& run) {
  std::unique_ptr<Border> border;
  if (!stays_.empty()) border = take_border(inputs, outputs);
  std::vector<Tensor> values(graph_.value_count());
  for (size_t i = 0; i < inputs.size(); ++i) values[graph_.inputs()[i]] = inputs[i];
  std::vector<int> readers(graph_.value_count(), 0);
  for (const Piece& piece : partition_.pieces) {
    for (ValueId id : piece.inputs) ++readers[id];
  }
  std::vector<const Tensor*> wanted(graph_.value_count(), nullptr);  // the caller's memory
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    ++readers[id];
    if (graph_.value(id).producer != no_id && outputs[i].has_value()) wanted[id] = &outputs[i];
  }
  for (size_t i = 0; i < partition_.pieces.size(); ++i) {
    const Piece& piece = partition_.pieces[i];
    const bool is_there = piece.target == &target_;
    std::vector<Tensor> given, results;
    for (ValueId id : piece.inputs) given.push_back(is_there ? values[id] : on_host(values[id]));
    for (ValueId id : piece.outputs) {
      const bool is_wanted = wanted[id] && (is_there || wanted[id]->is_on_host());
      results.push_back(is_wanted            ? *wanted[id]
                        : border && is_there ? border->values[id]
                                             : Tensor());
    }
    run(i, given, results);
    for (size_t k = 0; k < results.size(); ++k) values[piece.outputs[k]] = std::move(results[k]);
    for (ValueId id : piece.inputs) {
      if (--readers[id] == 0) values[id] = Tensor();
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    deliver(graph_.outputs()[i], values[graph_.outputs()[i]], outputs[i]);
  if (!border) return;
  const std::lock_guard lock(borders_mutex_);
  borders_.push_back(std::move(border));
}

void PartitionedExecutor::deliver(ValueId id, Tensor& value, Tensor& output) const {
  if (graph_.value(id).is_constant()) value = graph_.value(id).constant->tensor();
  const bool is_fresh = graph_.value(id).producer != no_id;
  const bool fits = output.has_value() && output.type() == value.type() &&
                    output.shape() == value.shape() && !output.is_on_host();
  if (fits && output.raw() == value.raw()) return;
  if (!fits && value.is_on_host()) {
    output = is_fresh ? value : value.clone();
  } else {
    if (!fits) output = Tensor::allocate(value.type(), value.shape());
    target_.device().copy(value, output);
  }
}

PlanReport PartitionedExecutor::opening() const {
  PlanReport report;
  report.shapes = describe_inputs(graph_);
  report.threads = threads_;
  report.left_behind = partition_.left;
  return report;
}

void PartitionedExecutor::add(PlanReport& total, PlanReport part, size_t i) const {
  total.arena_bytes += part.arena_bytes;
  total.packed_bytes = std::max(total.packed_bytes, part.packed_bytes);
  for (StepReport& step : part.steps) {
    step.target = runners_[i]->target();
    total.steps.push_back(std::move(step));
  }
}

}  // namespace drawbar
